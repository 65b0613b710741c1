//! Touching memory that is not there, not writable or not code.

use tests_hostile::{Place::Alone, attacks, ends, survives};

attacks!(READ, Alone, {
    reading_below_its_memory_ends_a_qube: "read-below" => ends(&["memory:0x1000"]);
    reading_between_its_pages_and_its_memory_ends_a_qube: "read-hole" => ends(&["memory:0x1ff000"]);
    reading_above_its_memory_ends_a_qube: "read-above" => ends(&["memory:0x300000"]);
    reading_the_end_of_its_tables_ends_a_qube: "read-far" => ends(&["memory:0x3ffffff8"]);
    reading_the_guard_page_ends_a_qube: "read-guard" => ends(&["memory:"]);
    reading_across_the_end_of_its_memory_ends_a_qube: "read-straddle" => ends(&["memory:0x300000"]);
    reading_the_supervisors_pages_is_allowed: "read-pages" => survives().saw("magic 0x74726976, sum not zero true");
    pushing_onto_the_guard_page_ends_a_qube: "overflow" => ends(&["memory:"]);
});

attacks!(WRITE, Alone, {
    writing_below_its_memory_ends_a_qube: "write-below" => ends(&["memory:0x8000"]);
    writing_above_its_memory_ends_a_qube: "write-above" => ends(&["memory:0x400000"]);
    writing_its_own_text_ends_a_qube: "write-text" => ends(&["memory:0x200000"]);
    writing_its_own_constants_ends_a_qube: "write-constant" => ends(&["memory:"]);
    writing_a_register_page_ends_a_qube: "write-registers" => ends(&["memory:0x100070"]);
    writing_the_entropy_registers_ends_a_qube: "write-entropy" => ends(&["memory:0x101000"]);
    writing_the_info_page_ends_a_qube: "write-info" => ends(&["memory:0x10200c"]);
});

attacks!(EXECUTE, Alone, {
    running_data_ends_a_qube: "exec-data" => ends(&["memory:"]);
    running_its_stack_ends_a_qube: "exec-stack" => ends(&["memory:"]);
    running_constants_ends_a_qube: "exec-constant" => ends(&["memory:"]);
    running_a_register_page_ends_a_qube: "exec-registers" => ends(&["memory:0x100000"]);
    running_what_is_not_there_ends_a_qube: "exec-below" => ends(&["memory:0x1000"]);
});
