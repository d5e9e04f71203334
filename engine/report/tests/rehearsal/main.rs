//! What a rehearsal came to: judged and shown.

mod judge;
mod rehearsed;
mod unprovoked;
