-- The tables of TPC-H with the specification's types, over the folders that @DATA@ has.

CREATE EXTERNAL TABLE region (
    r_regionkey bigint, r_name char(25), r_comment varchar(152)
) @STORED@ LOCATION '@DATA@/region';

CREATE EXTERNAL TABLE nation (
    n_nationkey bigint, n_name char(25), n_regionkey bigint, n_comment varchar(152)
) @STORED@ LOCATION '@DATA@/nation';

CREATE EXTERNAL TABLE part (
    p_partkey bigint, p_name varchar(55), p_mfgr char(25), p_brand char(10), p_type varchar(25), p_size int,
    p_container char(10), p_retailprice decimal(15,2), p_comment varchar(23)
) @STORED@ LOCATION '@DATA@/part';

CREATE EXTERNAL TABLE supplier (
    s_suppkey bigint, s_name char(25), s_address varchar(40), s_nationkey bigint, s_phone char(15),
    s_acctbal decimal(15,2), s_comment varchar(101)
) @STORED@ LOCATION '@DATA@/supplier';

CREATE EXTERNAL TABLE partsupp (
    ps_partkey bigint, ps_suppkey bigint, ps_availqty int, ps_supplycost decimal(15,2), ps_comment varchar(199)
) @STORED@ LOCATION '@DATA@/partsupp';

CREATE EXTERNAL TABLE customer (
    c_custkey bigint, c_name varchar(25), c_address varchar(40), c_nationkey bigint, c_phone char(15),
    c_acctbal decimal(15,2), c_mktsegment char(10), c_comment varchar(117)
) @STORED@ LOCATION '@DATA@/customer';

CREATE EXTERNAL TABLE orders (
    o_orderkey bigint, o_custkey bigint, o_orderstatus char(1), o_totalprice decimal(15,2), o_orderdate date,
    o_orderpriority char(15), o_clerk char(15), o_shippriority int, o_comment varchar(79)
) @STORED@ LOCATION '@DATA@/orders';

CREATE EXTERNAL TABLE lineitem (
    l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber int, l_quantity decimal(15,2),
    l_extendedprice decimal(15,2), l_discount decimal(15,2), l_tax decimal(15,2), l_returnflag char(1),
    l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct char(25),
    l_shipmode char(10), l_comment varchar(44)
) @STORED@ LOCATION '@DATA@/lineitem';
