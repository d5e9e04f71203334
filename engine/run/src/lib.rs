//! The state machine of a run and the format of its journal. Pure.
