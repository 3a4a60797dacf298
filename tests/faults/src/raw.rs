//! Connections that no client of libfast would make.
