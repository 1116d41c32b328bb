//! Names by number, of a bounded many.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::text::short::is_equal;

/// Names seen, each kept once and forgotten with the last request that uses it.
#[derive(Debug)]
pub(crate) struct Names {
    ids: HashMap<Arc<str>, u32, RandomState>,
    known: Vec<Known>,
    free: Vec<u32>,
    /// The name taken last, which is often the next one too.
    last: u32,
    /// How many are kept, not counting the one for all others.
    bound: usize,
    others: &'static str,
    /// How many of those kept have not been [worth keeping](Names::take) yet.
    unworthy: usize,
    /// Where it is looked next for one of these.
    hand: usize,
    /// The one that made room for the name taken last.
    displaced: Option<Displaced>,
}

/// A name, or one that was free to be given to another.
#[derive(Debug)]
struct Known {
    name: Arc<str>,
    /// How many requests, and others, use it.
    uses: usize,
    /// How many of the uses are no requests.
    held: u32,
    is_worthy: bool,
    /// Whether it is called as all others are: it is the one for them, or has become one of them.
    is_other: bool,
}

/// A name that made room for another one, and how many requests it takes to all others.
pub(crate) type Displaced = (Arc<str>, u64);

impl Names {
    pub fn new(bound: usize, others: &'static str) -> Self {
        Self {
            ids: HashMap::default(),
            known: Vec::new(),
            free: Vec::new(),
            last: 0,
            bound,
            others,
            unworthy: 0,
            hand: 0,
            displaced: None,
        }
    }

    /// The number of `name`, which is `worthy` of being kept or not. Where there are as many names as may
    /// be, a new one that is takes the place of one that never was. Whether it had to take such a
    /// [place](Names::displaced), or the number of all others.
    #[inline]
    pub fn take(&mut self, name: &str, worthy: bool) -> (u32, bool) {
        if let Some(known) = self.known.get_mut(self.last as usize)
            && known.uses > 0
            && is_equal(&known.name, name)
            && known.is_worthy >= worthy
        {
            known.uses += 1;
            return (self.last, false);
        }
        self.take_another(name, worthy)
    }

    /// The same of another name than the last one.
    #[inline(never)]
    fn take_another(&mut self, name: &str, worthy: bool) -> (u32, bool) {
        let (id, is_full) = match self.ids.get(name) {
            Some(&id) => {
                self.use_again(id, worthy);
                (id, false)
            }
            None => self.take_new(name, worthy),
        };
        self.last = id;
        (id, is_full)
    }

    fn use_again(&mut self, id: u32, worthy: bool) {
        let known = &mut self.known[id as usize];
        known.uses += 1;
        if worthy && !known.is_worthy {
            known.is_worthy = true;
            self.unworthy -= 1;
        }
    }

    #[cold]
    fn take_new(&mut self, name: &str, worthy: bool) -> (u32, bool) {
        if !self.is_full() || name == self.others {
            return (self.add(name, worthy), false);
        }
        self.displaced = if worthy { self.displace() } else { None };
        let id = if self.displaced.is_some() {
            self.add(name, worthy)
        } else if let Some(id) = self.id(self.others) {
            self.known[id as usize].uses += 1;
            id
        } else {
            self.add(self.others, true)
        };
        (id, true)
    }

    /// The name that made room for the one taken last, if that had to be; once.
    pub fn displaced(&mut self) -> Option<Displaced> {
        self.displaced.take()
    }

    fn is_full(&self) -> bool {
        let others = self.ids.contains_key(self.others);
        self.ids.len() - usize::from(others) >= self.bound
    }

    /// Has a name that was never worth keeping be one of all others. Its number stays with the requests
    /// that have it.
    fn displace(&mut self) -> Option<Displaced> {
        if self.unworthy == 0 {
            return None;
        }
        let len = self.known.len();
        let places = (self.hand..len).chain(0..self.hand.min(len));
        let mut places = places.filter(|&place| {
            let known = &self.known[place];
            known.uses > 0 && !known.is_worthy
        });
        let place = places.next()?;
        self.hand = place + 1;
        self.unworthy -= 1;
        let known = &mut self.known[place];
        known.is_worthy = true;
        known.is_other = true;
        let requests = known.uses as u64 - u64::from(known.held);
        let name = std::mem::replace(&mut known.name, self.others.into());
        self.ids.remove(&name);
        Some((name, requests))
    }

    fn add(&mut self, name: &str, worthy: bool) -> u32 {
        let is_other = name == self.others;
        let known = Known {
            name: name.into(),
            uses: 1,
            held: 0,
            is_worthy: worthy || is_other,
            is_other,
        };
        self.unworthy += usize::from(!known.is_worthy);
        let name = Arc::clone(&known.name);
        let id = if let Some(id) = self.free.pop() {
            self.known[id as usize] = known;
            id
        } else {
            self.known.push(known);
            u32::try_from(self.known.len() - 1).unwrap_or(u32::MAX)
        };
        self.ids.insert(name, id);
        id
    }

    /// Takes the name numbered `id` once more, for something that is no request.
    pub fn hold(&mut self, id: u32) {
        let known = &mut self.known[id as usize];
        known.uses += 1;
        known.held += 1;
    }

    /// Gives back what was held.
    pub fn let_go(&mut self, id: u32) {
        self.known[id as usize].held -= 1;
        self.release(id);
    }

    #[inline]
    pub fn release(&mut self, id: u32) {
        let known = &mut self.known[id as usize];
        known.uses -= 1;
        if known.uses == 0 {
            self.unworthy -= usize::from(!known.is_worthy);
            // One that has become one of all others is not known by their name.
            if !known.is_other || self.ids.get(&known.name) == Some(&id) {
                self.ids.remove(&known.name);
            }
            self.free.push(id);
        }
    }

    pub fn name(&self, id: u32) -> Arc<str> {
        Arc::clone(&self.known[id as usize].name)
    }

    /// The number of `name`, if it is kept.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    /// Whether the name numbered `id` is that of all others.
    pub fn is_other(&self, id: u32) -> bool {
        self.known[id as usize].is_other
    }

    /// What the name numbered `id` is told apart by: the same for all that are called alike.
    pub fn group(&self, id: u32) -> u32 {
        if self.is_other(id) { u32::MAX } else { id }
    }

    /// What `name` is told apart by, if it may be in use.
    pub fn group_of(&self, name: &str) -> Option<u32> {
        if name == self.others {
            return Some(u32::MAX);
        }
        self.id(name)
    }

    /// All numbers are below this one.
    pub fn ids_given(&self) -> usize {
        self.known.len()
    }

    pub fn bound(&self) -> usize {
        self.bound
    }

    pub fn set_bound(&mut self, bound: usize) {
        self.bound = bound;
    }
}
