//! What must hold of ids: none is given twice, judged on what clients were given.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use faultline_sim::{Look, Operation, Outcome, Time, Watcher};
use lab0_api::{Id, NewId};
use labkit::NodeId;

use super::fixture::{Fixture, output};

impl Fixture<'_, '_> {
    /// All these clients ask at the same moment, several times in a row, and each waits for its
    /// answer in between.
    #[track_caller]
    pub fn ids(&mut self, clients: &[NodeId], times: u32) -> Outcome {
        for _ in 0..times {
            for client in clients {
                self.ask(*client, &NewId)?;
            }
            for client in clients {
                let _id: Id = self.answer(*client)?;
            }
        }
        self.judge()
    }
}

/// All ids so far, in the order in which they were given; none may be there twice.
#[track_caller]
pub fn judge(fixture: &Fixture<'_, '_>) -> Outcome<Vec<(Time, Id)>> {
    let mut given: BTreeMap<Id, (NodeId, Time)> = BTreeMap::new();
    let mut ids = Vec::new();
    for operation in fixture.answered() {
        let Operation {
            client,
            reply: Some((moment, _)),
            ..
        } = operation
        else {
            continue;
        };
        let id: Id = output(operation).expect("it is answered");
        if let Some((other, at)) = given.insert(id.clone(), (*client, moment.at)) {
            let whom = if other == *client {
                "it".to_owned()
            } else {
                other.to_string()
            };
            let text = format!("{client} was given {id:?}, which {whom} had been given at {at}");
            let stop = fixture.world.violation_at(moment.at, text);
            return Err(stop.naming(format!("{id:?}")).against(other, at));
        }
        ids.push((moment.at, id));
    }
    Ok(ids)
}

/// What servers said to each other: when, who, to whom.
pub type Overheard = Rc<RefCell<Vec<(Time, NodeId, NodeId)>>>;

/// Listens to what servers say to each other.
pub struct Eavesdropper(pub Overheard);

impl Watcher for Eavesdropper {
    fn delivered(
        &mut self,
        look: &mut Look<'_, '_>,
        to: NodeId,
        from: NodeId,
        _message: &[u8],
    ) -> Outcome {
        if (from.role(), to.role()) == ('s', 's') && from != to {
            self.0.borrow_mut().push((look.now(), from, to));
        }
        Ok(())
    }

    fn handled(&mut self, _: &mut Look<'_, '_>, _: NodeId) -> Outcome {
        Ok(())
    }
}
