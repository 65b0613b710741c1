//! Instructions and registers of the processor's owner.

use tests_hostile::{Place::Alone, attacks, ends, survives};

attacks!(REGISTERS, Alone, {
    reading_efer_ends_a_qube: "rdmsr-efer" => ends(&["msr:0xc0000080"]);
    reading_the_apic_base_ends_a_qube: "rdmsr-apic" => ends(&["msr:0x1b"]);
    reading_an_x2apic_register_ends_a_qube: "rdmsr-x2apic" => ends(&["msr:0x802"]);
    reading_a_segment_base_by_number_ends_a_qube: "rdmsr-gs" => ends(&["msr:0xc0000101"]);
    reading_a_register_outside_every_map_ends_a_qube: "rdmsr-unlisted" => ends(&["msr:0x12345678"]);
    writing_efer_ends_a_qube: "wrmsr-efer" => ends(&["msr:0xc0000080"]);
    writing_the_apic_base_ends_a_qube: "wrmsr-apic" => ends(&["msr:0x1b"]);
    writing_the_memory_types_ends_a_qube: "wrmsr-pat" => ends(&["msr:0x277"]);
    writing_the_time_ends_a_qube: "wrmsr-tsc" => ends(&["msr:0x10"]);
    writing_the_host_save_area_ends_a_qube: "wrmsr-host-save" => ends(&["msr:0xc0010117"]);
    writing_the_system_call_target_ends_a_qube: "wrmsr-syscall" => ends(&["msr:0xc0000082"]);
});

attacks!(VIRTUALISATION, Alone, {
    halting_ends_a_qube: "hlt" => ends(&["instruction:0x78"]);
    vmmcall_ends_a_qube: "vmmcall" => ends(&["instruction:0x81"]);
    vmrun_ends_a_qube: "vmrun" => ends(&["instruction:0x80"]);
    vmload_ends_a_qube: "vmload" => ends(&["instruction:0x82"]);
    vmsave_ends_a_qube: "vmsave" => ends(&["instruction:0x83"]);
    stgi_ends_a_qube: "stgi" => ends(&["instruction:0x84"]);
    clgi_ends_a_qube: "clgi" => ends(&["instruction:0x85"]);
    skinit_ends_a_qube: "skinit" => ends(&["instruction:0x86", "panicked"]);
    invlpga_ends_a_qube: "invlpga" => ends(&["instruction:0x7a"]);
});

attacks!(PRIVILEGED, Alone, {
    invalidating_caches_ends_a_qube: "invd" => ends(&["instruction:0x76", "instruction:0x89"]);
    writing_caches_back_ends_a_qube: "wbinvd" => ends(&["instruction:0x89"]);
    reading_a_debug_register_ends_a_qube: "read-dr0" => ends(&["instruction:0x20"]);
    writing_a_debug_register_ends_a_qube: "write-dr0" => ends(&["instruction:0x30"]);
    writing_debug_control_ends_a_qube: "write-dr7" => ends(&["instruction:0x37"]);
    reading_the_interrupt_priority_ends_a_qube: "read-cr8" => ends(&["instruction:0x8"]);
    writing_the_interrupt_priority_ends_a_qube: "write-cr8" => ends(&["instruction:0x18"]);
    reading_performance_counters_ends_a_qube: "rdpmc" => ends(&["instruction:0x6f"]);
    monitor_ends_a_qube: "monitor" => ends(&["instruction:0x8a"]);
    mwait_ends_a_qube: "mwait" => ends(&["instruction:0x8b", "instruction:0x8c"]);
    rdtscp_ends_a_qube: "rdtscp" => ends(&["instruction:0x87", "exit:77"]);
    rsm_ends_a_qube: "rsm" => ends(&["instruction:0x73", "panicked"]);
});

attacks!(EXCEPTIONS, Alone, {
    the_in_circuit_breakpoint_ends_a_qube: "icebp" => ends(&["instruction:0x88", "exception", "panicked"]);
    a_breakpoint_ends_a_qube: "breakpoint" => ends(&["panicked"]);
    an_undefined_instruction_ends_a_qube: "undefined" => ends(&["panicked"]);
    a_triple_fault_ends_a_qube: "triple-fault" => ends(&["triple-fault"]);
    an_interrupt_table_outside_memory_ends_a_qube: "bad-idt" => ends(&["memory:0x1060"]);
    single_steps_end_a_qube: "debug-storm" => ends(&["exception"]);
    a_call_of_a_task_ends_a_qube: "task-switch" => ends(&["panicked"]);
    a_return_to_a_task_ends_a_qube: "nested-task" => ends(&["panicked"]);
    the_alignment_gate_ends_a_qube: "alignment-gate" => ends(&["panicked", "exception"]);
    an_interrupt_without_a_gate_ends_a_qube: "interrupt-128" => ends(&["panicked"]);
    a_stack_outside_memory_ends_a_qube: "bad-stack" => ends(&["memory:0xff8"]);
    a_stack_nowhere_ends_a_qube: "wild-stack" => ends(&["panicked"]);
});

attacks!(SYSTEM_CALLS, Alone, {
    syscall_ends_a_qube: "syscall" => ends(&["panicked"]);
    sysenter_ends_a_qube: "sysenter" => ends(&["panicked"]);
    a_cpuid_of_three_bytes_is_the_qubes_own_trouble: "prefixed-cpuid" => survives().saw("it went on");
});

attacks!(EXTENDED_STATE, Alone, {
    xsetbv_ends_a_qube: "xsetbv" => ends(&["instruction:0x8d", "exit:77"]);
});
