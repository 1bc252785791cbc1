//! The names of Hive's built-in functions, for telling what is done and what is not.

/// Those of Hive 4, operators and internal ones among them, and the names of types, which are functions that cast. Left
/// out are the Java class names under which casts go too (`UDFToInteger`). Lower case and sorted.
pub fn hive_names() -> impl Iterator<Item = &'static str> {
    NAMES.split_ascii_whitespace()
}

const NAMES: &str = "
    ! != $sum0 % & * + - / < <= <=> <> = == > >= ^ abs acos add_months aes_decrypt aes_encrypt and
    approx_distinct array array_append array_compact array_contains array_distinct array_except
    array_intersect array_join array_max array_min array_position array_remove array_slice array_union ascii
    asin assert_true assert_true_oom atan avg base64 between bigint bin binary bloom_filter boolean bround
    bucket_number buildversion cardinality_violation case cast_format cbrt ceil ceiling char char_length
    character_length chr coalesce collect_list collect_set compute_bit_vector_fm compute_bit_vector_hll
    compute_stats concat concat_ws context_ngrams conv corr cos cosh count covar_pop covar_samp crc32
    create_union cume_dist current_authorizer current_catalog current_database current_date current_groups
    current_schema current_timestamp current_user date date_add date_format date_sub datediff
    datetime_legacy_hybrid_calendar day dayofmonth dayofweek decimal decode degrees dense_rank deserialize
    div double ds_cpc_estimate ds_cpc_estimate_bounds ds_cpc_sketch ds_cpc_stringify ds_cpc_union
    ds_cpc_union_f ds_freq_estimate ds_freq_frequent_items ds_freq_sketch ds_freq_stringify ds_freq_union
    ds_hll_estimate ds_hll_estimate_bounds ds_hll_sketch ds_hll_stringify ds_hll_union ds_hll_union_f
    ds_kll_cdf ds_kll_n ds_kll_pmf ds_kll_quantile ds_kll_quantiles ds_kll_rank ds_kll_sketch
    ds_kll_stringify ds_kll_union ds_quantile_doubles_cdf ds_quantile_doubles_k ds_quantile_doubles_n
    ds_quantile_doubles_pmf ds_quantile_doubles_quantile ds_quantile_doubles_quantiles
    ds_quantile_doubles_sketch ds_quantile_doubles_stringify ds_quantile_doubles_union
    ds_quantile_strings_cdf ds_quantile_strings_k ds_quantile_strings_n ds_quantile_strings_pmf
    ds_quantile_strings_quantile ds_quantile_strings_quantiles ds_quantile_strings_sketch
    ds_quantile_strings_stringify ds_quantile_strings_union ds_req_cdf ds_req_n ds_req_pmf ds_req_quantile
    ds_req_quantiles ds_req_rank ds_req_sketch ds_req_stringify ds_req_union ds_theta_estimate
    ds_theta_exclude ds_theta_intersect ds_theta_intersect_f ds_theta_sketch ds_theta_union ds_theta_union_f
    ds_tuple_arrayofdouble_estimate ds_tuple_arrayofdouble_estimate_bounds ds_tuple_arrayofdouble_means
    ds_tuple_arrayofdouble_n_retained ds_tuple_arrayofdouble_quantiles_sketch ds_tuple_arrayofdouble_sketch
    ds_tuple_arrayofdouble_ttest ds_tuple_arrayofdouble_union ds_tuple_arrayofdouble_values
    ds_tuple_arrayofdouble_variances ds_tuple_doublesummary_estimate ds_tuple_doublesummary_percentile
    ds_tuple_doublesummary_sketch ds_tuple_doublesummary_union e elt encode enforce_constraint
    exception_in_vertex_udaf exception_in_vertex_udf exp explode extract_union factorial field find_in_set
    first_value float floor floor_day floor_hour floor_minute floor_month floor_quarter floor_second
    floor_week floor_year format_number from_unixtime from_utc_timestamp get_json_object get_llap_splits
    get_splits get_sql_schema greatest grouping hash hex histogram_numeric hour iceberg_bucket iceberg_day
    iceberg_hour iceberg_month iceberg_truncate iceberg_year if in in_bloom_filter in_file index initcap
    inline instr int internal_interval interval_day_time interval_year_month is_not_distinct_from isfalse
    isnotfalse isnotnull isnottrue isnull istrue java_method json_read json_tuple lag last_day last_value
    lcase lead least length levenshtein like likeall likeany ln locate log log10 log2 logged_in_user lower
    lpad ltrim map map_keys map_values mask mask_first_n mask_hash mask_last_n mask_show_first_n
    mask_show_last_n matchpath max md5 mid min minute mod month months_between murmur_hash named_struct
    ndv_compute_bit_vector negative next_day ngrams noop noopstreaming noopwithmap noopwithmapstreaming not
    ntile nullif nvl octet_length or parse_url parse_url_tuple percent_rank percentile percentile_approx
    percentile_cont percentile_disc pi pmod posexplode position positive pow power printf quarter quote
    radians rand rank reflect reflect2 regexp regexp_extract regexp_replace regr_avgx regr_avgy regr_count
    regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace replicate_rows
    restrict_information_schema reverse rlike round row_number rpad rtrim second sentences sha sha1 sha2
    shiftleft shiftright shiftrightunsigned sign sin sinh size smallint sort_array sort_array_by soundex
    space split split_map_privs sq_count_check sqrt st_aggr_convexhull st_aggr_union st_area st_asbinary
    st_asgeojson st_asjson st_asshape st_astext st_bin st_binenvelope st_boundary st_buffer st_centroid
    st_contains st_convexhull st_coorddim st_crosses st_difference st_dimension st_disjoint st_distance
    st_endpoint st_envelope st_envintersects st_equals st_exteriorring st_geodesiclengthwgs84
    st_geomcollection st_geometryn st_geometrytype st_geomfromgeojson st_geomfromjson st_geomfromshape
    st_geomfromtext st_geomfromwkb st_interiorringn st_intersection st_intersects st_is3d st_isclosed
    st_isempty st_ismeasured st_isring st_issimple st_length st_linefromwkb st_linestring st_m st_maxm
    st_maxx st_maxy st_maxz st_minm st_minx st_miny st_minz st_mlinefromwkb st_mpointfromwkb st_mpolyfromwkb
    st_multilinestring st_multipoint st_multipolygon st_numgeometries st_numinteriorring st_numpoints
    st_overlaps st_point st_pointfromwkb st_pointn st_pointz st_polyfromwkb st_polygon st_relate st_setsrid
    st_srid st_startpoint st_symmetricdiff st_touches st_union st_within st_x st_y st_z stack std stddev
    stddev_pop stddev_samp str_to_map string struct substr substring substring_index sum surrogate_key tan
    tanh timestamp tinyint to_date to_epoch_milli to_unix_timestamp to_utc_timestamp toarray tomap tostruct
    translate trim trunc tumbling_window typeof ucase unbase64 unhex unix_timestamp upper uuid
    validate_acid_sort_order var_pop var_samp varchar variance version weekofyear when width_bucket
    windowingtablefunction xpath xpath_boolean xpath_double xpath_float xpath_int xpath_long xpath_number
    xpath_short xpath_string year | ~
";
