//! The sandbox foundation: stand-ins for bbr, bosh and om over a world on disk.
