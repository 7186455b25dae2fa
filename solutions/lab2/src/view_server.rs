//! Part A: who is primary, who is backup? One node decides, and all others ask it.

use lab2_api::{BelievesView, Given, Member, TICK, View};
use labkit::prelude::*;

use crate::Message;

/// Tracks which servers are alive, and makes the views. It never crashes.
#[derive(Debug, Serialize, Deserialize)]
pub struct ViewServer {
    // hole
    // | What must the view server remember about the view, and about each server that it has heard
    // | from?
    view: View,
    /// Whether the primary has said that it works in this view. Before that the view must not
    /// change: a newer view could make a primary of a server that the present primary has not given
    /// the state yet.
    acknowledged: bool,
    servers: Map<NodeId, Life>,
    // end hole
}

// hole
/// What is known of a server's latest incarnation.
#[derive(Debug, Serialize, Deserialize)]
struct Life {
    incarnation: u64,
    alive: bool,
    /// Whether it has pinged since the last tick.
    pinged: bool,
}
// end hole
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
        // hole: ViewServer::start
        // | Start in view 0, which has no servers, and make sure that the first tick comes.
        ctx.set_timer(Timer::Tick, TICK);
        // View 0 has no primary that could acknowledge it.
        ViewServer {
            view: View::default(),
            acknowledged: true,
            servers: Map::new(),
        }
        // end hole
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: ViewServer::on_message
        // | Answer every `Ping` and every `GetView` with the view. A ping also says that its sender
        // | is alive and in which incarnation, and perhaps that a primary acknowledges the view. So
        // | a ping can change the view. Which pings must have no such effect? Ignore all other
        // | messages.
        match message {
            Message::Given(Given::Ping { view, incarnation }) => {
                self.note_ping(
                    Member {
                        node: from,
                        incarnation,
                    },
                    view,
                );
                self.change_view();
            }
            Message::Given(Given::GetView) => {}
            _ => return,
        }
        ctx.send(from, Given::View(self.view.clone()));
        // end hole
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // hole: ViewServer::on_timer
        // | A server that has not pinged since the last tick is dead until it pings again. Change
        // | the view if necessary. A timer fires once: set it again.
        let Timer::Tick = timer;
        for life in self.servers.values_mut() {
            life.alive = life.pinged;
            life.pinged = false;
        }
        self.change_view();
        ctx.set_timer(Timer::Tick, TICK);
        // end hole
    }
}

// hole
impl ViewServer {
    fn note_ping(&mut self, sender: Member, view: u64) {
        let newest = self
            .servers
            .get(&sender.node)
            .map_or(0, |life| life.incarnation);
        if sender.incarnation < newest {
            return; // from a life that is over
        }
        self.servers.insert(
            sender.node,
            Life {
                incarnation: sender.incarnation,
                alive: true,
                pinged: true,
            },
        );
        if self.view.primary == Some(sender) && self.view.number == view {
            self.acknowledged = true;
        }
    }

    fn change_view(&mut self) {
        if self.acknowledged
            && let Some(next) = self.next_view()
        {
            self.acknowledged = false;
            self.view = next;
        }
    }

    /// The view that should follow this acknowledged one; `None` if this one is as good as it gets.
    fn next_view(&self) -> Option<View> {
        let living_backup = self.view.backup.filter(|backup| self.is_alive(*backup));
        let (primary, backup) = match self.view.primary {
            None => (self.living().next()?, None),
            Some(primary) if self.is_alive(primary) => (primary, living_backup),
            // Only the backup of an acknowledged view has the state. Without it, all that can be
            // done is to wait.
            Some(_) => (living_backup?, None),
        };
        let backup = backup.or_else(|| self.living().find(|idle| *idle != primary));
        let next = View {
            number: self.view.number + 1,
            primary: Some(primary),
            backup,
        };
        let differs = (next.primary, next.backup) != (self.view.primary, self.view.backup);
        differs.then_some(next)
    }

    fn living(&self) -> impl Iterator<Item = Member> {
        let living = self.servers.iter().filter(|(_, life)| life.alive);
        living.map(|(node, life)| Member {
            node: *node,
            incarnation: life.incarnation,
        })
    }

    fn is_alive(&self, member: Member) -> bool {
        self.living().any(|living| living == member)
    }
}
// end hole
impl BelievesView for ViewServer {
    fn view(&self) -> View {
        // hole: ViewServer::view
        // | The current view.
        self.view.clone()
        // end hole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: NodeId = NodeId::new('v', 1);
    const S1: NodeId = NodeId::new('s', 1);

    #[test]
    // starter: #[ignore = "an example: fill the view server's holes, then take this line out"]
    fn the_first_ping_begins_view_1_and_is_answered_with_it() {
        let mut ctx = Context::for_tests(V1);
        let mut view_server = ViewServer::start(&(), Boot::First, &mut ctx);
        ctx.clear(); // forget what `start` asked for
        view_server.on_message(
            S1,
            Given::Ping {
                view: 0,
                incarnation: 1,
            }
            .into(),
            &mut ctx,
        );
        let view = View {
            number: 1,
            primary: Some(Member {
                node: S1,
                incarnation: 1,
            }),
            backup: None,
        };
        assert_eq!(ctx.sent(), [(S1, Message::Given(Given::View(view)))]);
    }
    // hole

    const S2: NodeId = NodeId::new('s', 2);
    const S3: NodeId = NodeId::new('s', 3);

    fn member(node: NodeId, incarnation: u64) -> Option<Member> {
        Some(Member { node, incarnation })
    }

    /// A view server in acknowledged view 2 (primary s1, backup s2).
    fn in_view_2() -> (ViewServer, Context<ViewServer>) {
        let mut ctx = Context::for_tests(V1);
        let mut view_server = ViewServer::start(&(), Boot::First, &mut ctx);
        for (from, view) in [(S1, 0), (S1, 1), (S2, 0), (S1, 2)] {
            view_server.on_message(
                from,
                Given::Ping {
                    view,
                    incarnation: 1,
                }
                .into(),
                &mut ctx,
            );
        }
        assert_eq!(
            view_server.view(),
            View {
                number: 2,
                primary: member(S1, 1),
                backup: member(S2, 1)
            }
        );
        (view_server, ctx)
    }

    #[test]
    fn a_silent_tick_is_death_and_an_idle_server_joins_in_the_same_change() {
        let (mut view_server, mut ctx) = in_view_2();
        view_server.on_timer(Timer::Tick, &mut ctx);
        assert_eq!(
            view_server.view().number,
            2,
            "both have pinged since the tick before"
        );
        for from in [S2, S3] {
            view_server.on_message(
                from,
                Given::Ping {
                    view: 2,
                    incarnation: 1,
                }
                .into(),
                &mut ctx,
            );
        }
        view_server.on_timer(Timer::Tick, &mut ctx);
        assert_eq!(
            view_server.view(),
            View {
                number: 3,
                primary: member(S2, 1),
                backup: member(S3, 1)
            }
        );
    }

    #[test]
    fn a_new_life_ends_the_old_one_and_its_late_pings_do_not_count() {
        let (mut view_server, mut ctx) = in_view_2();
        view_server.on_message(
            S1,
            Given::Ping {
                view: 0,
                incarnation: 2,
            }
            .into(),
            &mut ctx,
        );
        let view = View {
            number: 3,
            primary: member(S2, 1),
            backup: member(S1, 2),
        };
        assert_eq!(view_server.view(), view);
        view_server.on_message(
            S1,
            Given::Ping {
                view: 3,
                incarnation: 1,
            }
            .into(),
            &mut ctx,
        );
        assert_eq!(view_server.view(), view);
        assert!(!view_server.acknowledged);
    }

    #[test]
    fn nothing_changes_before_the_primary_has_acknowledged() {
        let (mut view_server, mut ctx) = in_view_2();
        view_server.on_message(
            S2,
            Given::Ping {
                view: 0,
                incarnation: 2,
            }
            .into(),
            &mut ctx,
        );
        assert_eq!(view_server.view().number, 3, "the backup restarted");
        for _ in 0..3 {
            view_server.on_timer(Timer::Tick, &mut ctx);
        }
        view_server.on_message(
            S3,
            Given::Ping {
                view: 3,
                incarnation: 1,
            }
            .into(),
            &mut ctx,
        );
        assert_eq!(view_server.view().number, 3);
    }
    // end hole
}
