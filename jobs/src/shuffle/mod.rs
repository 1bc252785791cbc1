//! Shuffle: data exchanged between two stages, partitioned by the producer, fetched by the consumer.
