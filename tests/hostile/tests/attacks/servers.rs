//! Servers that lie to a client that did nothing wrong. It hears a typed error or nothing; never an answer that breaks the
//! schema, and never the answer to another question.

use tests_hostile::{Place::Servers, attacks, survives};

attacks!(REPLIES, Servers, {
    a_reply_nobody_asked_for_is_refused: "reply-unasked" => survives().refused(&[0x04]);
    a_second_reply_is_refused: "reply-twice" => survives().refused(&[0x04]).canary_got("answer truth");
    a_reply_to_another_call_is_refused: "reply-other" => survives().refused(&[0x04]).canary_got("error TimedOut");
    a_reply_to_a_call_of_the_past_is_refused: "reply-before" => survives().refused(&[0x04]).canary_got("error TimedOut");
    a_reply_without_a_number_is_refused: "reply-zero" => survives().refused(&[0x14]).canary_got("error TimedOut");
    a_reply_of_another_method_is_refused: "reply-method" => survives().refused(&[0x04]).canary_got("error TimedOut");
    a_reply_of_another_schema_is_refused: "reply-schema" => survives().refused(&[0x01]).canary_got("error TimedOut");
    a_reply_that_is_not_utf8_is_an_error: "reply-not-utf8" => survives().refused(&[0x26]).canary_got("error Refused(Internal)");
    a_reply_with_bytes_left_over_is_an_error: "reply-trailing" => survives().refused(&[0x29]).canary_got("error Refused(Internal)");
    a_reply_cut_off_is_an_error: "reply-cut" => survives().refused(&[0x2a]).canary_got("error Refused(Internal)");
    a_reply_that_is_not_minimal_is_an_error: "reply-varint" => survives().refused(&[0x24]).canary_got("error Refused(Internal)");
});

attacks!(ERRORS, Servers, {
    an_error_of_the_supervisors_is_refused: "error-forged" => survives().refused(&[0x05]).canary_got("error Refused(Internal)");
    a_denial_by_a_server_is_refused: "error-denied" => survives().refused(&[0x05]).canary_got("error Refused(Internal)");
    an_error_of_no_kind_is_refused: "error-none" => survives().refused(&[0x05]).canary_got("error Refused(Internal)");
    an_error_of_two_bytes_is_refused: "error-long" => survives().refused(&[0x05]).canary_got("error Refused(Internal)");
    an_error_of_no_bytes_is_refused: "error-empty" => survives().refused(&[0x05]).canary_got("error Refused(Internal)");
    an_event_the_service_does_not_have_is_refused: "event-unknown" => survives().refused(&[0x21]);
    an_event_of_the_client_is_refused: "event-not-ours" => survives().refused(&[0x22]);
    a_call_by_a_server_is_refused: "call-by-server" => survives().refused(&[0x22]);
});

attacks!(SILENCE, Servers, {
    a_mute_server_is_a_timeout: "server-mute" => survives().canary_got("error TimedOut");
    a_server_that_leaves_is_gone: "server-leaves" => survives().canary_got("error PeerGone");
    a_server_that_closes_its_port_is_gone: "server-slams" => survives().canary_got("error PeerGone");
});
