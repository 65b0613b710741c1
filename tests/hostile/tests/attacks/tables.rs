//! Ruining the qube's own page tables and control registers. What it may touch is decided by the nested tables, which it has
//! no way to reach.

use tests_hostile::{Place::Alone, attacks, ends};

attacks!(TABLES, Alone, {
    a_mapping_of_memory_far_away_ends_a_qube: "map-far" => ends(&["memory:0x8000000000"]);
    a_mapping_beyond_the_processors_memory_ends_a_qube: "map-beyond" => ends(&["panicked", "memory:0x400000000000"]);
    a_mapping_of_the_second_gib_ends_a_qube: "map-huge" => ends(&["memory:0x40000000"]);
    a_writable_mapping_of_its_text_is_no_right_to_write: "map-text" => ends(&["memory:0x200000"]);
    a_mapping_with_reserved_bits_ends_a_qube: "map-reserved" => ends(&["panicked", "memory:"]);
    a_top_table_outside_memory_ends_a_qube: "root-outside" => ends(&["memory:0x7ffff000"]);
    a_top_table_far_away_ends_a_qube: "root-far" => ends(&["memory:0x8000000000"]);
    a_top_table_in_its_text_ends_a_qube: "root-text" => ends(&["memory:", "triple-fault"]);
    a_top_table_in_a_register_page_ends_a_qube: "root-registers" => ends(&["triple-fault", "memory:"]);
    a_top_table_of_zeros_ends_a_qube: "root-zeros" => ends(&["triple-fault"]);
});

attacks!(TABLES_2, Alone, {
    tables_that_loop_end_a_qube: "tables-loop" => ends(&["triple-fault"]);
    tables_outside_memory_end_a_qube: "tables-outside" => ends(&["memory:"]);
    tables_of_noise_end_a_qube: "tables-noise" => ends(&["triple-fault", "memory:", "panicked"]);
});

attacks!(CONTROL, Alone, {
    switching_paging_off_ends_a_qube: "paging-off" => ends(&["instruction:0x65", "panicked", "triple-fault"]);
    switching_protection_off_ends_a_qube: "protection-off" => ends(&["instruction:0x65", "panicked", "triple-fault"]);
    switching_write_protection_off_ends_a_qube: "wp-off" => ends(&["instruction:0x65"]);
    switching_caches_off_ends_a_qube: "caches-off" => ends(&["instruction:0x65"]);
    switching_alignment_checks_on_ends_a_qube: "alignment-on" => ends(&["instruction:0x65"]);
    switching_large_addresses_off_ends_a_qube: "pae-off" => ends(&["instruction:0x14"]);
    reserved_bits_of_a_control_register_end_a_qube: "cr4-reserved" => ends(&["instruction:0x14"]);
    protection_keys_end_a_qube: "cr4-keys" => ends(&["instruction:0x14"]);
    five_levels_of_tables_end_a_qube: "cr4-five-levels" => ends(&["instruction:0x14"]);
    shadow_stacks_end_a_qube: "cr4-shadow" => ends(&["instruction:0x14"]);
    writing_what_stands_there_already_ends_a_qube: "cr4-same" => ends(&["instruction:0x14"]);
});
