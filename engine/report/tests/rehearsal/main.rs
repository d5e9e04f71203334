//! What a rehearsal came to: judged and shown.

mod build_servers;
mod coverage;
mod judge;
mod rehearsed;
mod shown;
mod unprovoked;
