//! Every function of this folder on the values of Hive's own tests.
