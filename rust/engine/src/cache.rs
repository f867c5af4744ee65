//! What is kept between operations, so that it need not be read and decoded again.

pub mod chunks;
pub mod indexes;
pub mod lru;
