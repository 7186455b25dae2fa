//! What a test knows about the views, from outside: which there were, and which server held itself
//! for what. Fault plans need it so as not to ask for what no service can do, explanations to say
//! who was deposed when, and it is this lab's picture.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use faultline_sim::{Lane, Look, Outcome, Span, Time, Tone, Watcher, World};
use lab2_api::{Given, Member, View};
use labkit::{NodeId, codec};

use super::{V1, server, service::Size};

/// The views of a run.
pub struct ViewLog {
    /// The current view, as the view server has it.
    pub view: View,
    /// Messages that clients sent to the view server.
    pub asked: u64,
    /// What servers send to each other and to clients, on a network that loses nothing: counts of
    /// what arrived.
    pub traffic: Traffic,
    reigns: Vec<Reign>,
    size: Size,
    /// What each server must hold itself for by the newest view that it was told, and since when.
    roles: BTreeMap<NodeId, Vec<Stay>>,
    now: Time,
}

/// What arrived.
#[derive(Clone, Copy, Default)]
pub struct Traffic {
    /// Messages among clients and servers.
    pub service_messages: u64,
    /// Bytes from one server to another.
    pub between_servers_bytes: u64,
    /// Messages of servers and clients to the view server.
    pub view_server_messages: u64,
    /// Bytes to and from the view server.
    pub view_server_bytes: u64,
}

/// A view and its time.
struct Reign {
    view: View,
    began: Time,
    acknowledged: Option<Time>,
}

impl ViewLog {
    /// An empty log.
    pub fn new(size: Size) -> Rc<RefCell<ViewLog>> {
        Rc::new(RefCell::new(ViewLog {
            view: View::default(),
            asked: 0,
            traffic: Traffic::default(),
            reigns: Vec::new(),
            size,
            roles: BTreeMap::new(),
            now: Time::ZERO,
        }))
    }

    /// Follows a run from now on.
    pub fn follow(log: &Rc<RefCell<ViewLog>>, world: &mut World<'_>) {
        world.watch(ViewWatcher(Rc::clone(log)));
    }

    /// `, deposed at 355.1 ms by view 3 (primary s2#1, backup none)`, if a server was no primary
    /// any more when it answered.
    pub fn say_deposed(&self, server: NodeId, answered: Time) -> String {
        match self.deposed(server, answered) {
            Some((at, view)) => format!(", deposed at {at} by {view:?}"),
            None => String::new(),
        }
    }

    fn acknowledged(&self) -> bool {
        self.reigns
            .last()
            .is_some_and(|reign| reign.view == self.view && reign.acknowledged.is_some())
    }

    /// Primary and backup of the view, if it is acknowledged and has both.
    pub fn replicated(&self) -> Option<(Member, Member)> {
        self.view
            .primary
            .zip(self.view.backup)
            .filter(|_| self.acknowledged())
    }

    /// The primary of the view, if it is acknowledged.
    pub fn acknowledged_primary(&self) -> Option<Member> {
        self.view.primary.filter(|_| self.acknowledged())
    }

    /// The current view in a sentence.
    pub fn state(&self) -> String {
        let acknowledged = match self.reigns.last().filter(|reign| reign.view == self.view) {
            Some(Reign {
                acknowledged: Some(at),
                ..
            }) => format!("acknowledged at {at}"),
            Some(Reign { began, .. }) => format!("since {began}, not acknowledged"),
            None => "from the beginning".to_owned(),
        };
        format!("It is {:?}, {acknowledged}.", self.view)
    }

    /// When and by which view a server that had been primary had lost that place, if it had at this
    /// time.
    pub fn deposed(&self, node: NodeId, at: Time) -> Option<(Time, View)> {
        let leads = |reign: &Reign| {
            reign
                .view
                .primary
                .is_some_and(|primary| primary.node == node)
        };
        let known = &self.reigns[..self.reigns.partition_point(|reign| reign.began <= at)];
        let last = known.iter().rposition(leads)?;
        known
            .get(last + 1)
            .map(|reign| (reign.began, reign.view.clone()))
    }

    fn see_view(&mut self, now: Time, view: View) {
        if self.view != view {
            self.reigns.push(Reign {
                view: view.clone(),
                began: now,
                acknowledged: None,
            });
            self.view = view;
        }
    }

    fn see_ping(&mut self, now: Time, sender: Member, view: u64) {
        if self.view.primary == Some(sender)
            && self.view.number == view
            && let Some(reign) = self.reigns.last_mut()
        {
            reign.acknowledged.get_or_insert(now);
        }
    }

    /// The lane of views, and below it what each server held itself for.
    pub fn picture(&self) -> Vec<Lane> {
        let ends = self
            .reigns
            .iter()
            .skip(1)
            .map(|reign| reign.began)
            .chain([self.now]);
        let spans = self
            .reigns
            .iter()
            .zip(ends)
            .flat_map(|(reign, to)| reign.spans(to))
            .collect();
        let mut lanes = vec![Lane {
            name: "views".to_owned(),
            spans,
        }];
        for number in 1..=self.size.servers {
            let stays = self
                .roles
                .get(&server(number))
                .map(Vec::as_slice)
                .unwrap_or_default();
            let ends = stays.iter().skip(1).map(|stay| stay.from).chain([self.now]);
            let span = |(stay, to): (&Stay, Time)| match stay.role {
                DOWN => Span {
                    from: stay.from,
                    to,
                    label: DOWN.to_owned(),
                    tone: Tone::Void,
                },
                role => Span {
                    from: stay.from,
                    to,
                    label: format!("{role} {}", stay.view),
                    tone: Tone::Firm,
                },
            };
            lanes.push(Lane {
                name: server(number).to_string(),
                spans: stays.iter().zip(ends).map(span).collect(),
            });
        }
        lanes
    }

    /// A server was told a view. An older one than it knows tells it nothing.
    fn see_told(&mut self, now: Time, node: NodeId, incarnation: u64, view: &View) {
        let newest = self
            .roles
            .get(&node)
            .and_then(|stays| stays.last())
            .map_or(0, |stay| stay.view);
        if view.number > newest {
            let me = Some(Member { node, incarnation });
            let role = match () {
                () if view.primary == me => "primary",
                () if view.backup == me => "backup",
                () => "idle",
            };
            self.see_role(now, node, view.number, role);
        }
    }

    fn see_role(&mut self, from: Time, node: NodeId, view: u64, role: &'static str) {
        let stays = self.roles.entry(node).or_default();
        if stays
            .last()
            .is_none_or(|last| (last.view, last.role) != (view, role))
        {
            stays.push(Stay { from, view, role });
        }
    }
}

/// What a server held itself for.
struct Stay {
    from: Time,
    view: u64,
    role: &'static str,
}

const DOWN: &str = "down";

impl Reign {
    fn spans(&self, to: Time) -> Vec<Span> {
        let member = |member: Member| match member.incarnation {
            1 => member.node.to_string(),
            _ => format!("{member:?}"),
        };
        let members: Vec<String> = self
            .view
            .primary
            .iter()
            .chain(&self.view.backup)
            .map(|m| member(*m))
            .collect();
        let label = format!("{} {}", self.view.number, members.join("+"));
        let (firm, tentative) = (self.acknowledged.unwrap_or(to), self.began);
        let mut spans = vec![Span {
            from: tentative,
            to: firm,
            label: format!("{label}?"),
            tone: Tone::Tentative,
        }];
        if let Some(acknowledged) = self.acknowledged {
            spans.push(Span {
                from: acknowledged,
                to,
                label,
                tone: Tone::Firm,
            });
        }
        spans
    }
}

struct ViewWatcher(Rc<RefCell<ViewLog>>);

impl Watcher for ViewWatcher {
    fn delivered(
        &mut self,
        look: &mut Look<'_, '_>,
        to: NodeId,
        from: NodeId,
        message: &[u8],
    ) -> Outcome {
        let mut log = self.0.borrow_mut();
        let bytes = message.len() as u64;
        let traffic = &mut log.traffic;
        match (from.role(), to.role()) {
            ('v', _) => traffic.view_server_bytes += bytes,
            (_, 'v') => {
                traffic.view_server_messages += 1;
                traffic.view_server_bytes += bytes;
            }
            (one, other) => {
                traffic.service_messages += 1;
                traffic.between_servers_bytes += if (one, other) == ('s', 's') { bytes } else { 0 };
            }
        }
        match (from.role(), to.role()) {
            ('c', 'v') => log.asked += 1,
            ('s', 'v') => {
                if let Some(Given::Ping { view, incarnation }) = given_of(look, from, message)? {
                    log.see_ping(
                        look.now(),
                        Member {
                            node: from,
                            incarnation,
                        },
                        view,
                    );
                }
            }
            ('v', 's') => {
                if let Some(Given::View(view)) = given_of(look, from, message)? {
                    log.see_told(look.now(), to, look.incarnation(to), &view);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn handled(&mut self, look: &mut Look<'_, '_>, node: NodeId) -> Outcome {
        let mut log = self.0.borrow_mut();
        log.now = look.now();
        if node == V1
            && let Some(observed) = look.observe(V1)?
            && let Ok(view) = codec::from_bytes(&observed)
        {
            log.see_view(look.now(), view);
        }
        for number in 1..=log.size.servers {
            let (id, now) = (server(number), look.now());
            // Before its first start there is nothing to tell of it.
            if look.is_down(id) && look.incarnation(id) > 0 {
                log.see_role(now, id, 0, DOWN);
            }
        }
        Ok(())
    }
}

/// The given message inside a student's message, if it is one.
fn given_of(look: &mut Look<'_, '_>, from: NodeId, message: &[u8]) -> Outcome<Option<Given>> {
    Ok(look
        .given(from, message)?
        .and_then(|given| codec::from_bytes(&given).ok()))
}
