//! Names by number, of a bounded many.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Names seen, each kept once and forgotten with the last request that uses it.
#[derive(Debug)]
pub(crate) struct Names {
    ids: HashMap<Arc<str>, u32, RandomState>,
    uses: Vec<(Arc<str>, usize)>,
    free: Vec<u32>,
    /// The name taken last, which is often the next one too.
    last: u32,
    /// How many are kept, not counting the one for all others.
    bound: usize,
    others: &'static str,
}

impl Names {
    pub fn new(bound: usize, others: &'static str) -> Self {
        Self {
            ids: HashMap::default(),
            uses: Vec::new(),
            free: Vec::new(),
            last: 0,
            bound,
            others,
        }
    }

    /// The number of `name`, and whether it had to be that of all others.
    #[inline]
    pub fn take(&mut self, name: &str) -> (u32, bool) {
        if let Some((last, uses)) = self.uses.get_mut(self.last as usize)
            && *uses > 0
            && **last == *name
        {
            *uses += 1;
            return (self.last, false);
        }
        let (id, beyond) = match self.ids.get(name) {
            Some(&id) => {
                self.uses[id as usize].1 += 1;
                (id, false)
            }
            None => self.take_new(name),
        };
        self.last = id;
        (id, beyond)
    }

    #[cold]
    fn take_new(&mut self, name: &str) -> (u32, bool) {
        let others = self.ids.get(self.others).copied();
        let named = self.ids.len() - usize::from(others.is_some());
        if named < self.bound || name == self.others {
            return (self.add(name), false);
        }
        let id = if let Some(id) = others {
            self.uses[id as usize].1 += 1;
            id
        } else {
            self.add(self.others)
        };
        (id, true)
    }

    fn add(&mut self, name: &str) -> u32 {
        let name: Arc<str> = name.into();
        let id = if let Some(id) = self.free.pop() {
            self.uses[id as usize] = (Arc::clone(&name), 1);
            id
        } else {
            self.uses.push((Arc::clone(&name), 1));
            u32::try_from(self.uses.len() - 1).unwrap_or(u32::MAX)
        };
        self.ids.insert(name, id);
        id
    }

    /// Takes the name numbered `id` once more.
    pub fn hold(&mut self, id: u32) {
        self.uses[id as usize].1 += 1;
    }

    #[inline]
    pub fn release(&mut self, id: u32) {
        let (name, uses) = &mut self.uses[id as usize];
        *uses -= 1;
        if *uses == 0 {
            self.ids.remove(name);
            self.free.push(id);
        }
    }

    pub fn name(&self, id: u32) -> Arc<str> {
        Arc::clone(&self.uses[id as usize].0)
    }

    /// The number of `name`, if it is kept.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    /// All numbers are below this one.
    pub fn ids_given(&self) -> usize {
        self.uses.len()
    }

    pub fn bound(&self) -> usize {
        self.bound
    }

    pub fn set_bound(&mut self, bound: usize) {
        self.bound = bound;
    }
}
