//! What clients saw, key by key: each operation a bar from its call to its answer.

use faultline_verdict::{Asked, Failure, Judged, KeyHistory};
use maud::{Markup, html};

use super::text::{count, cut, ms, number};

pub fn section(anchor: &str, failure: &Failure) -> Markup {
    let operations = || failure.history.iter().flat_map(|key| &key.operations);
    let begin = operations().map(|asked| asked.from_us).min().unwrap_or(0);
    // An open operation ends with the picture.
    let last = operations().map(|asked| asked.to_us.unwrap_or(asked.from_us)).max().unwrap_or(0);
    let open = operations().any(|asked| asked.to_us.is_none());
    let end = (if open { failure.at_us.max(last) } else { last }).max(begin + 1);
    html! {
        section aria-labelledby=(format!("{anchor}-ops")) {
            h4 id=(format!("{anchor}-ops")) { "What clients saw" }
            @for key in &failure.history { (of_key(key, begin, end)) }
        }
    }
}

fn of_key(key: &KeyHistory, begin: u64, end: u64) -> Markup {
    html! {
        table.ops {
            caption {
                "Key " code { (cut(&key.key, 100)) }
                @if key.left_out > 0 { span.of { " (" (count(key.left_out, "earlier operation")) " left out)" } }
            }
            thead {
                tr {
                    th scope="col" { span.unseen { "Client" } }
                    th.when scope="col" {
                        span.unseen { "When" }
                        span.axis { span { (ms(begin)) } span { (ms(end)) " ms" } }
                    }
                    th scope="col" { span.unseen { "Operation" } }
                    th.num.times scope="col" { "Called \u{2013} answered" }
                }
            }
            tbody { @for asked in &key.operations { (row(asked, begin, end)) } }
        }
    }
}

fn row(asked: &Asked, begin: u64, end: u64) -> Markup {
    let class = match asked.judged {
        Judged::Plain => "plain-op",
        Judged::Explains => "explains",
        Judged::Impossible => "impossible",
    };
    let at = |us: u64| (us.saturating_sub(begin)) as f64 * 100.0 / (end - begin) as f64;
    let (from, to) = (at(asked.from_us), at(asked.to_us.unwrap_or(end)));
    let ended = asked.to_us.map_or("still open".to_owned(), ms);
    let times = format!("{} \u{2013} {ended}", ms(asked.from_us));
    html! {
        tr class=(class) {
            th scope="row" { (cut(&asked.client, 20)) }
            td.when {
                svg aria-hidden="true" width="100%" height="14" {
                    line.rail x1="0" x2="100%" y1="7" y2="7" {}
                    @if asked.to_us.is_some() {
                        line.op x1=(format!("{}%", number(from))) x2=(format!("{}%", number(to))) y1="7" y2="7" {}
                    } @else {
                        line.op.open x1=(format!("{}%", number(from))) x2="100%" y1="7" y2="7" {}
                    }
                }
            }
            td.what {
                code { (cut(&asked.command, 200)) }
                " "
                @match &asked.answer {
                    Some(answer) => { span.of { "= " } code.answer { (cut(answer, 200)) } },
                    None => span.of { "no answer yet" },
                }
                @match asked.judged {
                    Judged::Impossible => { " " span.tag.bad { "cannot be" } },
                    Judged::Explains | Judged::Plain => {},
                }
            }
            td.num.times { (times) }
        }
    }
}
