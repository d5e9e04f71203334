//! Tests of the whole product through its command line.
