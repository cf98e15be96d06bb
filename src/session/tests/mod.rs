//! Sessions of every shape.
