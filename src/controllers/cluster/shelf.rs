//! The objects themselves, as watched last. Who refers to whom is none of a shelf's
//! business: that is in `index`.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use kube::Resource;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;

use super::Key;

/// The objects of one kind, of however many watches.
pub struct Shelf<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone + Default,
{
    store: Store<K>,
    writer: Mutex<Writer<K>>,
}

impl<K> Default for Shelf<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone + Default,
{
    fn default() -> Self {
        let mut writer = Writer::new(K::DynamicType::default());
        // Empty and ready: whoever starts to use it waits for the watches themselves.
        writer.apply_watcher_event(&Event::Init);
        writer.apply_watcher_event(&Event::InitDone);
        Self {
            store: writer.as_reader(),
            writer: Mutex::new(writer),
        }
    }
}

impl<K> Shelf<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone + Default,
{
    /// The objects.
    pub fn store(&self) -> Store<K> {
        self.store.clone()
    }

    /// The object that is referred to.
    pub fn get(&self, reference: &ObjectRef<K>) -> Option<Arc<K>> {
        self.store.get(reference)
    }

    /// All objects.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.store.state()
    }

    /// Takes an object as it stands now.
    pub fn put(&self, object: K) {
        self.event(&Event::Apply(object));
    }

    /// An object is gone.
    pub fn remove(&self, reference: &ObjectRef<K>) -> Option<Arc<K>> {
        let object = self.store.get(reference)?;
        self.event(&Event::Delete(object.as_ref().clone()));
        Some(object)
    }

    fn event(&self, event: &Event<K>) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.apply_watcher_event(event);
    }
}

/// The reference to a namespaced object.
pub fn reference<K>(key: &Key) -> ObjectRef<K>
where
    K: Resource<DynamicType = ()>,
{
    ObjectRef::new(&key.name).within(&key.namespace)
}
