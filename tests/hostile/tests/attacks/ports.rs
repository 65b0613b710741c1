//! Ports that are no call and not the qube's own.

use tests_hostile::{Place::Alone, attacks, ends};

attacks!(PORTS, Alone, {
    writing_a_byte_to_a_port_ends_a_qube: "out-byte" => ends(&["port:0x80"]);
    writing_a_word_to_a_port_ends_a_qube: "out-word" => ends(&["port:0x80"]);
    writing_a_long_to_a_port_ends_a_qube: "out-long" => ends(&["port:0x80"]);
    reading_a_byte_from_a_port_ends_a_qube: "in-byte" => ends(&["port:0x60"]);
    reading_a_word_from_a_port_ends_a_qube: "in-word" => ends(&["port:0x1f0"]);
    reading_a_long_from_a_port_ends_a_qube: "in-long" => ends(&["port:0xcfc"]);
    naming_the_port_in_the_instruction_ends_a_qube: "out-immediate" => ends(&["port:0x92"]);
    writing_a_string_to_a_port_ends_a_qube: "out-string" => ends(&["port:0xe9"]);
    writing_repeatedly_to_a_port_ends_a_qube: "out-repeated" => ends(&["port:0xe9"]);
    reading_a_string_from_a_port_ends_a_qube: "in-string" => ends(&["port:0xcfc"]);
    an_access_past_the_last_port_ends_a_qube: "port-wrap" => ends(&["port:0xffff"]);
});

attacks!(DEVICES, Alone, {
    the_exit_device_is_not_a_qubes: "exit-device" => ends(&["port:0xf4"]);
    the_supervisors_console_is_not_a_qubes: "debug-console" => ends(&["port:0xe9"]);
    the_serial_line_is_not_every_qubes: "serial-line" => ends(&["port:0x3f8"]);
    a_qube_cannot_reset_the_machine: "reset-control" => ends(&["port:0xcf9"]);
    a_qube_cannot_reset_the_machine_by_the_keyboard: "keyboard-reset" => ends(&["port:0x64"]);
    a_qube_cannot_switch_the_machine_off: "acpi-off" => ends(&["port:0x604"]);
    a_qube_cannot_see_the_bus: "pci-address" => ends(&["port:0xcf8"]);
    a_qube_cannot_set_a_timer: "timer-port" => ends(&["port:0x43"]);
    a_call_that_is_not_listed_ends_a_qube: "call-unlisted" => ends(&["port:0x5306"]);
    a_call_of_one_byte_ends_a_qube: "call-as-byte" => ends(&["port:0x5301"]);
    a_call_of_one_word_ends_a_qube: "call-as-word" => ends(&["port:0x5300"]);
    a_call_by_reading_ends_a_qube: "call-as-input" => ends(&["port:0x5301"]);
    a_call_from_a_string_ends_a_qube: "call-as-string" => ends(&["port:0x5300"]);
});
