//! Messages that break a rule of the frame, of the schema, or of the order of calls.

use tests_hostile::{
    Place::{Clients, VaultClients},
    attacks, survives,
};

attacks!(FRAMES, Clients, {
    an_empty_frame_is_refused: "frame-empty" => survives().refused(&[0x10]).saw("silence");
    a_short_frame_is_refused: "frame-short" => survives().refused(&[0x10]).saw("silence");
    an_unknown_kind_is_refused: "frame-kind" => survives().refused(&[0x11]).saw("silence");
    no_kind_is_refused: "frame-no-kind" => survives().refused(&[0x11]).saw("silence");
    a_reserved_byte_is_refused: "frame-reserved" => survives().refused(&[0x12]).saw("silence");
    a_truncated_frame_is_refused: "frame-truncated" => survives().refused(&[0x13]).saw("silence");
    an_over_long_frame_is_refused: "frame-over-long" => survives().refused(&[0x13]).saw("silence");
    a_length_of_four_gib_is_refused: "frame-length-max" => survives().refused(&[0x13]).saw("silence");
    another_schema_is_refused: "schema-wrong" => survives().refused(&[0x01]).saw("silence");
    a_schema_with_one_bit_changed_is_refused: "schema-one-bit" => survives().refused(&[0x01]).saw("silence");
    a_call_without_a_number_is_refused: "call-zero" => survives().refused(&[0x14]).saw("silence");
    an_event_with_a_number_is_refused: "event-numbered" => survives().refused(&[0x14]).saw("silence");
    a_message_of_64_kib_is_refused: "message-64k" => survives().refused(&[0x29]).saw("error to 1: [83]");
});

attacks!(KINDS, Clients, {
    an_unknown_method_is_refused: "method-unknown" => survives().refused(&[0x21]).saw("error to 1: [83]");
    the_last_method_number_is_refused: "method-max" => survives().refused(&[0x21]).saw("error to 1: [83]");
    a_reply_by_a_client_is_refused: "kind-reply" => survives().refused(&[0x22]).saw("silence");
    an_error_by_a_client_is_refused: "kind-error" => survives().refused(&[0x22]).saw("silence");
    a_call_as_an_event_is_refused: "kind-event" => survives().refused(&[0x22]).saw("silence");
    an_event_as_a_call_is_refused: "kind-call" => survives().refused(&[0x22]).saw("error to 1: [83]");
    a_method_the_policy_denies_is_denied: "denied-method" => survives().refused(&[0x06]).saw("error to 1: [80]");
    a_number_used_twice_is_refused: "call-twice" => survives().refused(&[0x02]).saw("error to 1: [84]");
    a_number_that_skips_is_refused: "call-skips" => survives().refused(&[0x02]).saw("error to 2: [84]");
    a_number_of_the_past_is_refused: "call-back" => survives().refused(&[0x02]).saw("error to 1: [84]");
    the_last_number_is_refused: "call-max" => survives().refused(&[0x02]).saw("error to 18446744073709551615: [84]");
    a_ninth_open_call_is_refused: "nine-calls" => survives().refused(&[0x03]).saw("error to 9: [85]");
    a_message_to_a_closed_port_is_refused: "port-closed" => survives().refused(&[0x08]).saw("state 0");
});

attacks!(BODIES, Clients, {
    a_body_with_bytes_left_over_is_refused: "body-trailing" => survives().refused(&[0x29]).saw("error to 1: [83]");
    a_missing_body_is_refused: "body-missing" => survives().refused(&[0x2a]).saw("error to 1: [83]");
    a_body_cut_off_is_refused: "body-cut" => survives().refused(&[0x2a]).saw("error to 1: [83]");
    a_body_nobody_asked_for_is_refused: "body-unasked" => survives().refused(&[0x29]).saw("error to 1: [83]");
    a_number_that_is_not_minimal_is_refused: "varint-over-long" => survives().refused(&[0x24]).saw("error to 1: [83]");
    a_number_without_end_is_refused: "varint-endless" => survives().refused(&[0x24]).saw("error to 1: [83]");
    text_that_is_not_utf8_is_refused: "text-not-utf8" => survives().refused(&[0x26]).saw("error to 1: [83]");
    a_surrogate_is_refused: "text-surrogate" => survives().refused(&[0x26]).saw("error to 1: [83]");
    text_over_its_bound_is_refused: "text-over-bound" => survives().refused(&[0x27]).saw("error to 1: [83]");
    bytes_over_their_bound_are_refused: "bytes-over-bound" => survives().refused(&[0x27]).saw("error to 1: [83]");
    a_count_of_four_gib_is_refused: "count-four-gib" => survives().refused(&[0x27]).saw("error to 1: [83]");
});

attacks!(VALUES, VaultClients, {
    a_bool_of_two_is_refused: "bool-two" => survives().refused(&[0x25]).saw("error to 1: [83]");
    a_bool_of_255_is_refused: "bool-max" => survives().refused(&[0x25]).saw("error to 1: [83]");
    a_variant_that_is_not_there_is_refused: "tag-unknown" => survives().refused(&[0x28]).saw("error to 1: [83]");
    an_option_of_two_is_refused: "option-two" => survives().refused(&[0x28]).saw("error to 1: [83]");
});

attacks!(NOISE, Clients, {
    frames_of_noise_are_refused: "random-frames" => survives().refused(&[0x13]).and_more();
});
