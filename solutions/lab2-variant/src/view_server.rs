//! Part A: who is primary, who is backup? One node decides, and all others ask it.

use lab2_api::{BelievesView, Given, Member, TICK, View};
use labkit::prelude::*;

use crate::Message;

/// Tracks which servers are alive, and makes the views. It never crashes.
#[derive(Debug, Serialize, Deserialize)]
pub struct ViewServer {
    view: View,
    /// The newest view that its primary has acknowledged. Until that is the current one, the view
    /// must not change: the primary may not have given its backup the state, so that nobody could
    /// follow it.
    acknowledged: u64,
    census: Census,
}

/// The latest life of every server that was ever heard of. The dead stay in it: their late pings
/// are no news.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Census(Map<NodeId, Life>);

/// What is known of a life.
#[derive(Debug, Serialize, Deserialize)]
struct Life {
    incarnation: u64,
    /// The ticks since the last ping. One says nothing: the ping may have come just before it.
    silent_ticks: u32,
}

/// The timers of the view server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// Every [`TICK`]: time to check which servers were silent.
    Tick,
}

impl Node for ViewServer {
    type Config = ();
    type Message = Message;
    type Timer = Timer;

    fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
        ctx.set_timer(Timer::Tick, TICK);
        // View 0 counts as acknowledged: it has nobody who could do that.
        ViewServer {
            view: View::default(),
            acknowledged: 0,
            census: Census::default(),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Given(Given::Ping { view, incarnation }) => self.hear(
                Member {
                    node: from,
                    incarnation,
                },
                view,
            ),
            Message::Given(Given::GetView) => {}
            _ => return,
        }
        ctx.send(from, Given::View(self.view.clone()));
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        let Timer::Tick = timer;
        self.census.tick();
        self.change_view();
        ctx.set_timer(Timer::Tick, TICK);
    }
}

impl ViewServer {
    fn hear(&mut self, sender: Member, view: u64) {
        if !self.census.hear(sender) {
            return;
        }
        if self.view.primary == Some(sender) && self.view.number == view {
            self.acknowledged = view;
        }
        self.change_view();
    }

    fn change_view(&mut self) {
        if self.acknowledged < self.view.number {
            return;
        }
        let Some(primary) = promote(&self.view, &self.census) else {
            return;
        };
        let backup = recruit(&self.view, primary, &self.census);
        if (self.view.primary, self.view.backup) != (Some(primary), backup) {
            self.view = View {
                number: self.view.number + 1,
                primary: Some(primary),
                backup,
            };
        }
    }
}

/// Who should be primary after this acknowledged view: as long as there is one that lives, who is;
/// then the backup and nobody else, for only the backup has the state, too.
fn promote(view: &View, census: &Census) -> Option<Member> {
    match view.primary {
        None => census.living().next(),
        Some(_) => [view.primary, view.backup]
            .into_iter()
            .flatten()
            .find(|member| census.lives(*member)),
    }
}

/// Who should be backup of this primary: who is, else any server that has nothing to do.
fn recruit(view: &View, primary: Member, census: &Census) -> Option<Member> {
    let backup = view.backup.filter(|backup| census.lives(*backup));
    backup
        .into_iter()
        .chain(census.living())
        .find(|candidate| *candidate != primary)
}

impl Census {
    /// Notes a ping. Returns whether it is from the sender's latest life.
    fn hear(&mut self, sender: Member) -> bool {
        let is_latest = self
            .0
            .get(&sender.node)
            .is_none_or(|life| life.incarnation <= sender.incarnation);
        if is_latest {
            self.0.insert(
                sender.node,
                Life {
                    incarnation: sender.incarnation,
                    silent_ticks: 0,
                },
            );
        }
        is_latest
    }

    fn tick(&mut self) {
        for life in self.0.values_mut() {
            life.silent_ticks = life.silent_ticks.saturating_add(1);
        }
    }

    fn living(&self) -> impl Iterator<Item = Member> {
        let living = self.0.iter().filter(|(_, life)| life.silent_ticks < 2);
        living.map(|(node, life)| Member {
            node: *node,
            incarnation: life.incarnation,
        })
    }

    fn lives(&self, member: Member) -> bool {
        self.living().any(|living| living == member)
    }
}

impl BelievesView for ViewServer {
    fn view(&self) -> View {
        self.view.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S1: Member = Member {
        node: NodeId::new('s', 1),
        incarnation: 1,
    };
    const S2: Member = Member {
        node: NodeId::new('s', 2),
        incarnation: 1,
    };
    const S3: Member = Member {
        node: NodeId::new('s', 3),
        incarnation: 1,
    };

    fn census(living: &[Member]) -> Census {
        let mut census = Census::default();
        assert!(living.iter().all(|member| census.hear(*member)));
        census
    }

    fn view(number: u64, primary: Member, backup: Option<Member>) -> View {
        View {
            number,
            primary: Some(primary),
            backup,
        }
    }

    #[test]
    fn only_the_backup_is_promoted() {
        let view = view(2, S1, Some(S2));
        assert_eq!(promote(&view, &census(&[S1, S2, S3])), Some(S1));
        assert_eq!(promote(&view, &census(&[S2, S3])), Some(S2));
        assert_eq!(promote(&view, &census(&[S3])), None);
        assert_eq!(promote(&View::default(), &census(&[S3])), Some(S3));
    }

    #[test]
    fn a_living_backup_stays_and_a_missing_one_is_replaced() {
        assert_eq!(
            recruit(&view(2, S1, Some(S3)), S1, &census(&[S1, S2, S3])),
            Some(S3)
        );
        assert_eq!(
            recruit(&view(2, S1, Some(S3)), S1, &census(&[S1, S2])),
            Some(S2)
        );
        assert_eq!(recruit(&view(2, S1, Some(S2)), S2, &census(&[S2])), None);
        let reborn = Member {
            incarnation: 2,
            ..S1
        };
        assert_eq!(
            recruit(&view(2, S1, Some(S2)), S2, &census(&[reborn, S2])),
            Some(reborn)
        );
    }

    #[test]
    fn a_server_is_dead_after_a_whole_silent_tick_and_a_life_when_the_next_one_begins() {
        let mut census = census(&[S1, S2]);
        census.tick();
        assert!(census.lives(S1) && census.hear(S2));
        census.tick();
        assert!(!census.lives(S1) && census.lives(S2));
        let reborn = Member {
            incarnation: 2,
            ..S1
        };
        assert!(census.hear(reborn) && !census.hear(S1));
        assert!(census.lives(reborn) && !census.lives(S1));
    }

    #[test]
    fn the_view_waits_for_its_primary_and_everybody_is_answered() {
        let mut ctx = Context::for_tests(NodeId::new('v', 1));
        let mut view_server = ViewServer::start(&(), Boot::First, &mut ctx);
        let pings = [
            (S1, 0),
            (S2, 0),
            (S2, 1),
            (S1, 0),
            (S1, 1),
            (S3, 0),
            (S1, 2),
        ];
        for (from, view) in pings {
            view_server.on_message(
                from.node,
                Given::Ping {
                    view,
                    incarnation: 1,
                }
                .into(),
                &mut ctx,
            );
        }
        let (first, second) = (view(1, S1, None), view(2, S1, Some(S2)));
        let answers = [&first, &first, &first, &first, &second, &second, &second];
        let expected = pings
            .iter()
            .zip(answers)
            .map(|((to, _), view)| (to.node, Given::View(view.clone()).into()));
        assert_eq!(ctx.sent(), expected.collect::<Vec<_>>());
    }
}
