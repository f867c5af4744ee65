//! Chunks and indexes that are kept between operations, so that they need not be read and decoded
//! again.

pub mod chunks;
pub mod indexes;
pub mod lru;
