//! Part A's fixture: the student's view server, and servers that the test plays.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use faultline_sim::{
    Conditions, Look, NodeSpec, Outcome, Role, Setup, Stop, Time, Trial, Watcher, World, ms,
};
use lab2_api::{Given, Member, PING, View};
use labkit::{NodeId, codec};

use super::{
    BY_NOW, V1, client,
    rules::{Rules, Seen},
};

/// A server that the test plays. It does what a right server does, unless the test says otherwise.
struct Played {
    incarnation: u64,
    pings: bool,
    /// False for a server that never says that it has accepted a newer view.
    accepts: bool,
    /// The view that its pings tell.
    accepted: u64,
    /// How often it was told a view.
    told: u64,
}

/// A run of part A.
pub struct ViewFixture<'w, 'b> {
    world: &'w mut World<'b>,
    played: BTreeMap<NodeId, Played>,
    /// Every view that anybody was told.
    told: BTreeMap<u64, View>,
    rules: Rules,
    /// What the rules have not looked at yet.
    seen: Rc<RefCell<Vec<(Time, Seen)>>>,
}

/// Sees the pings that reach the view server.
struct Pings(Rc<RefCell<Vec<(Time, Seen)>>>);

impl Watcher for Pings {
    fn delivered(
        &mut self,
        look: &mut Look<'_, '_>,
        to: NodeId,
        from: NodeId,
        message: &[u8],
    ) -> Outcome {
        if to == V1
            && let Some(given) = look.given(from, message)?
            && let Ok(Given::Ping { view, incarnation }) = codec::from_bytes(&given)
        {
            let sender = Member {
                node: from,
                incarnation,
            };
            self.0
                .borrow_mut()
                .push((look.now(), Seen::Ping { sender, view }));
        }
        Ok(())
    }

    fn handled(&mut self, _: &mut Look<'_, '_>, _: NodeId) -> Outcome {
        Ok(())
    }
}

/// Runs a test of the view server with this number of played servers, none of which pings yet.
pub fn with_view_server(
    trial: &mut Trial<'_>,
    servers: u32,
    test: impl FnOnce(&mut ViewFixture<'_, '_>) -> Outcome,
) -> Outcome {
    let conditions = trial.conditions();
    trial.describe_setting(format!(
        "your view server v1; servers s1 to s{servers} are played by the test{}",
        if conditions.loss > 0 {
            "; the network drops, duplicates and reorders"
        } else {
            ""
        }
    ));
    let config = codec::to_bytes(&()).expect("nothing has bytes");
    let mut nodes = vec![NodeSpec {
        id: V1,
        role: Role::Server { role: 0, config },
        starts: true,
    }];
    nodes.extend((1..=servers).map(|number| NodeSpec::puppet(super::server(number), 1)));
    nodes.push(NodeSpec::puppet(client(1), 2));
    let setup = Setup {
        start_spread: ms(90),
        ..Setup::new(nodes, conditions)
    };
    trial.run(setup, |world| {
        // Where in the view server's tick the story begins is different for each seed.
        world.run_for(ms(100))?;
        let seen = Rc::default();
        world.watch(Pings(Rc::clone(&seen)));
        test(&mut ViewFixture {
            world,
            played: BTreeMap::new(),
            told: BTreeMap::new(),
            rules: Rules::default(),
            seen,
        })
    })
}

impl ViewFixture<'_, '_> {
    /// A server starts (again): it pings from now on, as a new incarnation.
    pub fn start(&mut self, server: NodeId) {
        let incarnation = self
            .played
            .get(&server)
            .map_or(1, |played| played.incarnation + 1);
        match incarnation {
            1 => self.world.remark(format!("{server} starts to ping")),
            _ => self.world.remark(format!(
                "{server} starts again, as incarnation {incarnation}"
            )),
        }
        self.played.insert(
            server,
            Played {
                incarnation,
                pings: true,
                accepts: true,
                accepted: 0,
                told: 0,
            },
        );
    }

    /// A server pings no more.
    pub fn die(&mut self, server: NodeId) {
        self.world.remark(format!("{server} stops pinging"));
        self.server(server).pings = false;
    }

    /// A server that was silent pings again, in the same life.
    pub fn goes_on(&mut self, server: NodeId) {
        self.world.remark(format!("{server} pings again"));
        self.server(server).pings = true;
    }

    /// A server goes on pinging, but tells from now on that this is the newest view it has
    /// accepted.
    pub fn accepts_no_more_than(&mut self, server: NodeId, view: u64) {
        self.world
            .remark(format!("{server} accepts no view after {view}"));
        let played = self.server(server);
        (played.accepts, played.accepted) = (false, view);
    }

    /// A server accepts again what it is told.
    pub fn accepts_again(&mut self, server: NodeId) {
        self.world.remark(format!("{server} accepts views again"));
        self.server(server).accepts = true;
    }

    /// The present life of a played server.
    pub fn member(&mut self, server: NodeId) -> Member {
        Member {
            node: server,
            incarnation: self.server(server).incarnation,
        }
    }

    fn server(&mut self, server: NodeId) -> &mut Played {
        self.played
            .get_mut(&server)
            .expect("the test has started this server")
    }

    /// The newest view that anybody was told.
    pub fn view(&self) -> View {
        self.told.values().next_back().cloned().unwrap_or_default()
    }

    /// How often this life of a server was told a view.
    pub fn times_told(&mut self, server: NodeId) -> u64 {
        self.server(server).told
    }

    /// One more ping in a server's name, whatever it does otherwise.
    pub fn ping(&mut self, server: NodeId, view: u64, incarnation: u64) -> Outcome {
        let ping = codec::to_bytes(&Given::Ping { view, incarnation }).expect("a ping has bytes");
        self.world.send_given(server, V1, &ping)
    }

    /// From now on nothing is lost on a server's way to the view server.
    pub fn lose_nothing_from(&mut self, server: NodeId) {
        self.world.set_link(server, V1, Some(Conditions::clean()));
    }

    /// One ping interval: everybody pings, messages travel, views are heard.
    fn interval(&mut self) -> Outcome {
        let pings: Vec<(NodeId, u64, u64)> = self
            .played
            .iter()
            .filter(|(_, played)| played.pings)
            .map(|(server, played)| (*server, played.accepted, played.incarnation))
            .collect();
        for (server, view, incarnation) in pings {
            self.ping(server, view, incarnation)?;
        }
        self.world.run_for(PING)?;
        let servers: Vec<NodeId> = self.played.keys().copied().collect();
        for server in servers {
            let (newest, times) = self.hear(server)?;
            let played = self.server(server);
            played.told += times;
            if played.accepts && played.pings {
                played.accepted = played.accepted.max(newest);
            }
        }
        Ok(())
    }

    /// Reads what a puppet received: the newest view number in it, and how many views. Every view
    /// that is told is checked.
    fn hear(&mut self, puppet: NodeId) -> Outcome<(u64, u64)> {
        let (mut newest, mut times) = (0, 0);
        for received in self.world.inbox(puppet) {
            let Some(given) = self.world.given(received.from, &received.message)? else {
                continue;
            };
            let Ok(Given::View(view)) = codec::from_bytes(&given) else {
                continue;
            };
            newest = newest.max(view.number);
            times += 1;
            self.check(&view)?;
            self.seen
                .borrow_mut()
                .push((received.sent, Seen::Told(view)));
        }
        Ok((newest, times))
    }

    /// What holds of any view at any time.
    fn check(&mut self, view: &View) -> Outcome {
        let number = view.number;
        if let Some(known) = self.told.get(&number) {
            let text = format!(
                "view {number} was announced as {} and as {}",
                show(known),
                show(view)
            );
            return if known == view {
                Ok(())
            } else {
                Err(self.about(view, text))
            };
        }
        let newest = self.view();
        if view.primary.is_some() && view.primary.map(|m| m.node) == view.backup.map(|m| m.node) {
            return Err(self.about(
                view,
                format!("one server is primary and backup of {}", show(view)),
            ));
        }
        if view.primary.is_none() && *view != View::default() {
            return Err(self.about(view, format!("nobody is the primary of {}", show(view))));
        }
        if number < newest.number {
            return Ok(());
        }
        if number > newest.number + 1 {
            let text = format!(
                "{} was announced, but the newest view that any server knew of was {}",
                show(view),
                show(&newest)
            );
            return Err(self.about(view, text));
        }
        if number > 1 && (view.primary, view.backup) == (newest.primary, newest.backup) {
            return Err(self.about(
                view,
                format!("{} is the same as the view before it", show(view)),
            ));
        }
        if number > 1 && view.primary != newest.primary && view.primary != newest.backup {
            let text = format!(
                "the primary of {} was neither primary nor backup of {}",
                show(view),
                show(&newest)
            );
            return Err(self.about(view, text));
        }
        self.told.insert(number, view.clone());
        Ok(())
    }

    /// A violation that is about this view.
    #[track_caller]
    fn about(&self, view: &View, text: String) -> Stop {
        self.world
            .violation(text)
            .naming(format!("view {}", view.number))
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) -> Outcome {
        let intervals = time.as_millis().div_ceil(PING.as_millis());
        (0..intervals).try_for_each(|_| self.interval())
    }

    /// The view must become such that `holds`, within the time that the handout promises.
    #[track_caller]
    pub fn until(&mut self, what: &str, holds: impl Fn(&View) -> bool) -> Outcome {
        for _ in 0..BY_NOW.as_millis().div_ceil(PING.as_millis()) {
            if holds(&self.view()) {
                return Ok(());
            }
            self.interval()?;
        }
        if holds(&self.view()) {
            return Ok(());
        }
        let text = format!(
            "{what}: this did not happen within {} ms; the view is still {}",
            BY_NOW.as_millis(),
            show(&self.view())
        );
        Err(self.world.no_progress(text))
    }

    /// The view must stay as it is for this time.
    #[track_caller]
    pub fn stays(&mut self, why: &str, time: Duration) -> Outcome {
        let before = self.view();
        for _ in 0..time.as_millis().div_ceil(PING.as_millis()) {
            self.interval()?;
            let after = self.view();
            if after != before {
                let text = format!("{} became {}, although {why}", show(&before), show(&after));
                return Err(self.about(&after, text));
            }
        }
        Ok(())
    }

    /// True if a step that the test draws is carried out: in a shrunk run some are not.
    pub fn may_do(&mut self, step: u64) -> bool {
        self.world.may_do(step)
    }

    /// True if a server has begun to ping, in any life of it.
    pub fn has_started(&self, server: NodeId) -> bool {
        self.played.contains_key(&server)
    }

    /// Holds everything that happened so far against the rules, once nothing is under way any more.
    pub fn obeys_the_rules(&mut self) -> Outcome {
        let mut seen = std::mem::take(&mut *self.seen.borrow_mut());
        // What is sent in answer to a ping is sent at the moment at which it arrives.
        seen.sort_by_key(|(at, seen)| (*at, matches!(seen, Seen::Told(_))));
        for (at, what) in seen {
            self.rules
                .see(at, &what)
                .map_err(|why| self.world.violation(format!("at {at} {why}")))?;
        }
        Ok(())
    }

    /// Everybody goes on as they are; by now the view must be what it should be.
    #[track_caller]
    pub fn comes_to_rest(&mut self) -> Outcome {
        self.run(BY_NOW)?;
        self.run(ms(100))?; // for the acknowledgement, and for a last change that it allows
        self.run(BY_NOW)?;
        self.obeys_the_rules()?;
        let pinging = self.played.iter().filter(|(_, played)| played.pings);
        let alive: Vec<Member> = pinging
            .map(|(node, played)| Member {
                node: *node,
                incarnation: played.incarnation,
            })
            .collect();
        self.rules
            .overdue(&alive)
            .map_or(Ok(()), |what| Err(self.world.no_progress(what)))
    }

    /// Fails the test with what was seen.
    #[track_caller]
    pub fn violation(&self, observed: String) -> Outcome {
        Err(self.world.violation(observed))
    }

    /// Asks for the view as a client does, until it is answered with a view that is no older than
    /// what anybody was told.
    #[track_caller]
    pub fn get_view(&mut self) -> Outcome<View> {
        let ask = codec::to_bytes(&Given::GetView).expect("a question has bytes");
        let mut answer: Option<View> = None;
        for _ in 0..20 {
            self.world.send_given(client(1), V1, &ask)?;
            self.interval()?;
            for received in self.world.inbox(client(1)) {
                let Some(given) = self.world.given(received.from, &received.message)? else {
                    continue;
                };
                let Ok(Given::View(view)) = codec::from_bytes(&given) else {
                    continue;
                };
                self.check(&view)?;
                if answer
                    .as_ref()
                    .is_none_or(|known| known.number <= view.number)
                {
                    answer = Some(view);
                }
            }
            if let Some(view) = answer.take_if(|view| view.number >= self.view().number) {
                return Ok(view);
            }
        }
        let heard = answer.map_or("never answered with a View".to_owned(), |view| {
            format!("answered with {}", show(&view))
        });
        let newest = show(&self.view());
        Err(self.world.no_progress(format!(
            "GetView was sent 20 times within 500 ms and {heard}; the view is {newest}"
        )))
    }

    /// The usual beginning: `s1` is primary and `s2` is backup of an acknowledged view; the others
    /// idle.
    pub fn replicated(&mut self, servers: &[NodeId]) -> Outcome {
        let [primary, backup, idle @ ..] = servers else {
            unreachable!("at least two servers")
        };
        self.start(*primary);
        let first = self.member(*primary);
        self.until("the first server to ping becomes primary", |view| {
            view.primary == Some(first)
        })?;
        self.start(*backup);
        let second = self.member(*backup);
        self.until("the second server becomes backup", |view| {
            view.primary == Some(first) && view.backup == Some(second)
        })?;
        for server in idle {
            self.start(*server);
        }
        self.settle()
    }

    /// Waits until the newest view is acknowledged for sure and every living server is known to
    /// live.
    pub fn settle(&mut self) -> Outcome {
        let accepted = |fixture: &Self| {
            let view = fixture.view();
            let primary = view
                .primary
                .and_then(|primary| fixture.played.get(&primary.node));
            primary.is_some_and(|primary| primary.accepted == view.number)
        };
        for _ in 0..40 {
            if accepted(self) {
                break;
            }
            self.interval()?;
        }
        // Of four pings in a row at least one arrives, and it does so within 25 ms.
        self.run(5 * PING)
    }
}

/// A view in a sentence.
pub fn show(view: &View) -> String {
    let member = |member: Option<Member>| match member {
        Some(Member {
            node,
            incarnation: 1,
        }) => node.to_string(),
        Some(Member { node, incarnation }) => format!("{node} (incarnation {incarnation})"),
        None => "nobody".to_owned(),
    };
    format!(
        "view {} (primary {}, backup {})",
        view.number,
        member(view.primary),
        member(view.backup)
    )
}
