//! Rules of the rows, as Hive prints them.
