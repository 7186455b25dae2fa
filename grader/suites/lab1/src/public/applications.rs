//! Part A: two applications, and MapReduce on one machine.

use faultline_sim::{Outcome, Trial, choice::Choices};
use lab1_api::{App, Fold, KeyOf, Question, Tokens, ValueOf};

use crate::{
    bench::{on_bench, split},
    text::Language,
};

pub fn words_are_counted(trial: &mut Trial<'_>) -> Outcome {
    on_bench(trial, |fixture| {
        fixture.agrees(Question::WordCount(vec![split("a", "the cat saw the dog")]))?;
        fixture.agrees(Question::WordCount(vec![
            split("a", "the cat saw\nthe dog\n"),
            split("b", "The end."),
        ]))
    })
}

pub fn words_of_any_text_are_counted(trial: &mut Trial<'_>) -> Outcome {
    let language = Language::new(Choices::new(trial.seed()), 2_000);
    on_bench(trial, |fixture| {
        for text in [
            "",
            "\n\n",
            "1, 2, 3!",
            "no newline at the end",
            "Don't well-known",
            "straße STRASSE Straße",
            "été Été ÉTÉ naïve",
            "слово Слово слово",
            "a1b2 a b",
            "x",
        ] {
            fixture.agrees(Question::WordCount(vec![split("a", text)]))?;
        }
        fixture.agrees(Question::WordCount(Vec::new()))?;
        let copies: Vec<_> = (0..12)
            .map(|number| split(&format!("d{number}"), "again and again"))
            .collect();
        fixture.agrees(Question::WordCount(copies))?;
        let book = (0..4)
            .map(|nth| split(&format!("chapter {nth}"), &language.text(nth, 20_000)))
            .collect();
        fixture.agrees(Question::WordCount(book))
    })
}

pub fn documents_of_each_word(trial: &mut Trial<'_>) -> Outcome {
    let language = Language::new(Choices::new(trial.seed()), 400);
    on_bench(trial, |fixture| {
        fixture.agrees(Question::InvertedIndex(vec![
            split("a", "the cat"),
            split("b", "The dog, the dog"),
        ]))?;
        // The order of the splits is not that of the names, and a document may come in several
        // pieces.
        let pieces = vec![
            split("z", "x y"),
            split("b", "y"),
            split("a", "x"),
            split("z", "y\nx"),
            split("e", ""),
        ];
        fixture.agrees(Question::InvertedIndex(pieces))?;
        fixture.agrees(Question::InvertedIndex(vec![
            split("10", "ten"),
            split("9", "ten"),
            split("é", "ten"),
        ]))?;
        let library = (0..12)
            .map(|nth| split(&format!("book {nth}"), &language.text(nth, 3_000)))
            .collect();
        fixture.agrees(Question::InvertedIndex(library))
    })
}

pub fn values_are_grouped_by_key(trial: &mut Trial<'_>) -> Outcome {
    let language = Language::new(Choices::new(trial.seed()), 50);
    let lines = App {
        tokens: Tokens::Lines,
        key: KeyOf::First,
        value: ValueOf::Token,
        fold: Fold::List,
        combine: false,
    };
    on_bench(trial, |fixture| {
        // Values in the order of splits and positions; a key that is the empty text.
        fixture.agrees(Question::Sequential(
            lines,
            vec![
                split("a", "b1\n\na1\nb2"),
                split("b", "\nb0\n"),
                split("a", "a0"),
            ],
        ))?;
        fixture.agrees(Question::Sequential(lines, Vec::new()))?;
        fixture.agrees(Question::Sequential(lines, vec![split("a", "")]))?;
        let positions = App {
            key: KeyOf::Document,
            value: ValueOf::Position,
            fold: Fold::Ends,
            ..lines
        };
        fixture.agrees(Question::Sequential(
            positions,
            vec![split("a", "x\ny"), split("b", "z"), split("a", "x")],
        ))?;
        let texts: Vec<_> = (0..6)
            .map(|nth| split(&format!("t{nth}"), &language.text(nth, 500)))
            .collect();
        for key in [KeyOf::Token, KeyOf::Length, KeyOf::First] {
            let app = App {
                tokens: Tokens::Words,
                key,
                value: ValueOf::Position,
                fold: Fold::List,
                combine: false,
            };
            fixture.agrees(Question::Sequential(app, texts.clone()))?;
        }
        Ok(())
    })
}
