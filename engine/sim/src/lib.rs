//! Drivers without a world: scripted outcomes and the exploration of the state machine. Pure.
