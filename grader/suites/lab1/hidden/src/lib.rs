//! The tests of lab 1 that students do not have. Each asks for something that the handout promises
//! and has a public test beside it with the same idea; sizes, values and moments are drawn from the
//! run's seed, and so from the course's salt.
//!
//! Nothing but a registry may depend on this crate: in a release for students a stub of the same
//! name stands in its place, whose `tests` returns none (`.github/hidden-stub.rs`).
//!
//! ```
//! let tests = lab1_hidden::tests();
//! assert!(tests.iter().all(|test| test.id.starts_with("H-")));
//! ```
//!
//! Read on in the public suite, `lab1_suite`, from which the fixtures are.

use faultline_explore::Guide;
use faultline_sim::{
    Outcome, Trial,
    choice::{About, Choices},
    ms,
};
use lab1_api::{App, Fold, KeyOf, Question, Tokens, ValueOf};

use faultline_labtest::{Test, hidden_tests};
use lab1_suite::{
    M1,
    bench::{on_bench, split},
    chaos::{Chaos, Faults},
    client,
    cluster::{Members, job},
    costs,
    orders::{self, Mortals, ONE_CRASH, WORKERS, computed, every_order, explore},
    plant::{Piece, Takes},
    scenes::{self, ORDERED, POSITIONS},
    text::Language,
    worker,
};

/// All hidden tests, in the order of the rubric.
pub fn tests() -> Vec<Test> {
    hidden_tests! {
        "H-A1" odd_texts,
        "H-A2" other_applications_on_one_machine,
        "H-B1" other_shapes,
        "H-B2" other_applications,
        "H-B3" many_jobs_at_once,
        "H-C1" output_is_lost_by_another_worker,
        "H-C2" a_poison_reduce_task,
        "H-C3" another_straggler,
        "H-C4" chaos_with_more_workers,
        "H-D1" two_restarts,
        "H-E1" costs_of_another_job,
        "H-F1" larger_jobs_in_every_order,
        "H-F2" late_map_output_in_every_order,
    }
}

fn odd_texts(trial: &mut Trial<'_>) -> Outcome {
    let choices = Choices::new(trial.seed());
    let letters: Vec<char> = "aàAÄäzZßçñøØŁłжЖΩωÿ'-_1 \n\t.,\u{301}".chars().collect();
    let text = |nth: u64| {
        let mut draw = choices.draw(About::Workload, 7, nth);
        let length = draw.below(80);
        (0..length)
            .map(|_| *draw.pick(&letters))
            .collect::<String>()
    };
    on_bench(trial, |fixture| {
        for round in 0..6 {
            let names = ["b", "a", "b", "ä", "c"];
            let splits: Vec<_> = (0..)
                .zip(names)
                .map(|(nth, name)| split(name, &text(10 * round + nth)))
                .collect();
            fixture.agrees(Question::WordCount(splits.clone()))?;
            fixture.agrees(Question::InvertedIndex(splits))?;
        }
        Ok(())
    })
}

fn other_applications_on_one_machine(trial: &mut Trial<'_>) -> Outcome {
    let language = Language::new(Choices::new(trial.seed()), 80);
    on_bench(trial, |fixture| {
        let texts: Vec<_> = (0..5)
            .map(|nth| split(&format!("t{}", nth % 3), &language.text(nth, 400)))
            .collect();
        for (tokens, key, value, fold) in [
            (
                Tokens::Characters,
                KeyOf::Token,
                ValueOf::Position,
                Fold::Ends,
            ),
            (Tokens::Lines, KeyOf::Length, ValueOf::Token, Fold::List),
            (Tokens::Words, KeyOf::Document, ValueOf::Token, Fold::List),
            (Tokens::Words, KeyOf::First, ValueOf::Document, Fold::Set),
        ] {
            let app = App {
                tokens,
                key,
                value,
                fold,
                combine: false,
            };
            fixture.agrees(Question::Sequential(app, texts.clone()))?;
        }
        Ok(())
    })
}

fn other_shapes(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = Choices::new(trial.seed()).draw(About::Plan, 0, 0);
    let (workers, splits, reduces) = (1 + draw.below(7), draw.below(25), 1 + draw.below(12));
    scenes::shape(
        trial,
        workers as u32,
        splits as u32,
        reduces as u32,
        ORDERED,
    )
}

fn other_applications(trial: &mut Trial<'_>) -> Outcome {
    let app = [
        App {
            tokens: Tokens::Lines,
            key: KeyOf::Token,
            value: ValueOf::Document,
            fold: Fold::List,
            combine: false,
        },
        App {
            tokens: Tokens::Characters,
            key: KeyOf::First,
            value: ValueOf::Position,
            fold: Fold::Ends,
            combine: false,
        },
        App {
            tokens: Tokens::Words,
            key: KeyOf::Document,
            value: ValueOf::Token,
            fold: Fold::List,
            combine: false,
        },
    ][trial.number() as usize % 3];
    let mut jobs = vec![job(1, app, 6, 3)];
    // The same input may be several splits.
    jobs[0].splits.swap(1, 4);
    jobs[0].splits[5] = jobs[0].splits[0].clone();
    let members = Members::new(
        trial,
        3,
        jobs,
        Takes {
            spread: 800,
            ..Takes::equal(ms(80), ms(60))
        },
    );
    members.act(trial, |cluster| {
        cluster.must_do(client(1), 1)?;
        cluster.stays_done(&[1], ms(800))
    })
}

fn many_jobs_at_once(trial: &mut Trial<'_>) -> Outcome {
    let apps = [App::WORD_COUNT, ORDERED, App::INVERTED_INDEX, POSITIONS];
    let jobs = (1..)
        .zip(apps)
        .map(|(id, app)| job(id, app, 2 + id as u32, 1 + id as u32 % 3))
        .collect();
    let members = Members::new(
        trial,
        3,
        jobs,
        Takes {
            spread: 600,
            ..Takes::equal(ms(100), ms(80))
        },
    );
    let members = Members {
        clients: 4,
        ..members
    };
    members.act(trial, |cluster| {
        for number in 1..=4 {
            cluster.submit(client(number), u64::from(number))?;
            cluster.world.run_for(ms(40))?;
        }
        for number in 1..=4 {
            cluster.ends(client(number), lab1_api::Outcome::Done)?;
        }
        cluster.stays_done(&[1, 2, 3, 4], ms(800))
    })
}

fn output_is_lost_by_another_worker(trial: &mut Trial<'_>) -> Outcome {
    let victim = 1 + (trial.number() % 4) as u32;
    scenes::output_is_lost(trial, (4, 9, 2), victim, ORDERED)
}

fn a_poison_reduce_task(trial: &mut Trial<'_>) -> Outcome {
    let workers = [3, 1, 2, 3][trial.number() as usize % 4];
    scenes::poison(
        trial,
        workers,
        Piece::reduce(1, (trial.number() % 2) as u32),
        3,
    )
}

fn another_straggler(trial: &mut Trial<'_>) -> Outcome {
    let straggler = 1 + (trial.number() % 6) as u32;
    costs::straggler(trial, 6, 5, straggler, 15)
}

fn chaos_with_more_workers(trial: &mut Trial<'_>) -> Outcome {
    let workers = 2 + (trial.number() % 5) as u32;
    Chaos {
        workers,
        faults: Faults::WORKERS,
    }
    .run(trial)
}

fn two_restarts(trial: &mut Trial<'_>) -> Outcome {
    let jobs = vec![job(1, ORDERED, 6, 3), job(2, App::WORD_COUNT, 4, 2)];
    let members = Members::new(trial, 3, jobs, Takes::equal(ms(250), ms(250)));
    let members = Members {
        clients: 2,
        ..members
    };
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        cluster.submit(client(2), 2)?;
        for nth in 0..2 {
            let mut draw = cluster.world.choices().draw(About::Plan, 0, nth);
            cluster.world.run_for(draw.between(&(ms(50)..=ms(900))))?;
            scenes::coordinator_is_away(cluster, draw.between(&(ms(10)..=ms(500))))?;
            // A worker goes while nobody can have noticed yet that the coordinator is back.
            if draw.chance(500) && !cluster.world.is_down(worker(1)) {
                cluster.restart(worker(1), draw.chance(500))?;
            }
        }
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.ends(client(2), lab1_api::Outcome::Done)?;
        cluster.world.crash(M1)?;
        cluster.world.start(M1)?;
        cluster.stays_done(&[1, 2], ms(1_500))
    })
}

fn costs_of_another_job(trial: &mut Trial<'_>) -> Outcome {
    match trial.number() % 2 {
        0 => costs::messages(trial, (6, 30, 6)),
        _ => costs::data(trial, (3, 10, 8), 30_000),
    }
}

fn larger_jobs_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let members = orders::small(trial, ORDERED, 3, 2);
    let [w1, w2] = WORKERS;
    let story = every_order(trial, &members, ONE_CRASH, Mortals::Workers)
        .guided(Guide::new().apart(&[&[w1], &[w2]]))
        .reach(computed(&["map 0", "map 1", "map 2"]))
        .guided(Guide::new())
        .search(10_000)
        .reach(computed(&["reduce 0"]))
        .search(10_000);
    explore(trial, &members, &story)
}

/// Cut off, a worker computes a map task that another one does meanwhile. The job needs it still
/// when the links work again.
fn late_map_output_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let members = orders::small(trial, ORDERED, 2, 1);
    let story = every_order(trial, &members, ONE_CRASH, Mortals::Workers)
        .reach(orders::somebody_is_at("map 0"))
        .guided_by(|view| {
            let late = orders::busy_with(view, "map 0");
            Guide::new()
                .apart(&[&[late], &[M1, orders::other(late)]])
                .slow_machines(&[late])
        })
        .reach(orders::somebody_is_at("reduce 0"))
        .guided(Guide::new())
        .search(20_000);
    explore(trial, &members, &story)
}
