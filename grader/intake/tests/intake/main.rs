//! Imports of classes that are made for the purpose: clones (made by git), folders and zip files.

mod class;
mod hostile;
mod layouts;
mod rewritten;
mod times;
mod uploads;
