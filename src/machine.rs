//! The macro that turns a flow table into a state machine.
//!
//! A table has a line for each arrow of the RFC's figures: the state, the letter that leads out of it (a message, or
//! the answer to a question), and the states that it may lead to. From it come
//! - an enum of all states, each held by value;
//! - for each arrow an enum of its successors, so that a handler cannot return a state that the table doesn't name;
//! - the dispatch: a letter that the state doesn't wait for is `unexpected_message`, and nothing else is tried;
//! - `EDGES`, the table as data, for tests and for the diagram in the documentation.
//!
//! A state is `wait` (for the peer) or `ask` (for a decision of the outside). Both consume their letter alike:
//! by `On::on`, which takes the state by value.

use crate::codec::Malformed;
use crate::error::Reason;
use crate::message::{
    Certificate, CertificateRequest, CertificateStatus, CertificateVerify, ClientHello, ClientKeyExchange, Finished,
    HandshakeType, NewSessionTicket, ServerHello, ServerHelloDone, ServerKeyExchange,
};

/// What a state is given from the wire.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    Message { message_type: HandshakeType, body: &'a [u8] },
    ChangeCipherSpec,
}

impl<'a> Input<'a> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Input::Message { message_type, .. } => message_type.name().unwrap_or("an unknown handshake message"),
            Input::ChangeCipherSpec => "ChangeCipherSpec",
        }
    }

    /// Reads it as the message `M`, if it is one.
    pub(crate) fn read<M>(
        &self,
        letter: Option<HandshakeType>,
        read: fn(&'a [u8]) -> Result<M, Malformed>,
    ) -> Option<Result<M, Reason>> {
        match self {
            Input::Message { message_type, body } if letter == Some(*message_type) => {
                Some(read(body).map_err(|problem| Reason::Malformed { message: self.name(), problem }))
            }
            Input::ChangeCipherSpec if letter.is_none() => {
                Some(read(&[]).map_err(|problem| Reason::Malformed { message: self.name(), problem }))
            }
            _ => None,
        }
    }
}

/// A letter that comes from the wire; `None` is ChangeCipherSpec, which is no handshake message (RFC 5246 §7.1).
pub(crate) trait Letter {
    const LETTER: Option<HandshakeType>;
}

/// The content of the record was checked before it becomes a letter.
pub(crate) struct ChangeCipherSpec;

impl ChangeCipherSpec {
    pub(crate) fn read(_: &[u8]) -> Result<Self, Malformed> {
        Ok(ChangeCipherSpec)
    }
}

impl Letter for ChangeCipherSpec {
    const LETTER: Option<HandshakeType> = None;
}

macro_rules! letters {
    ($($message:ty = $letter:ident),* $(,)?) => {
        $( impl Letter for $message { const LETTER: Option<HandshakeType> = Some(HandshakeType::$letter); } )*
    };
}

letters! {
    ClientHello<'_> = CLIENT_HELLO,
    ServerHello<'_> = SERVER_HELLO,
    Certificate<'_> = CERTIFICATE,
    CertificateStatus<'_> = CERTIFICATE_STATUS,
    ServerKeyExchange<'_> = SERVER_KEY_EXCHANGE,
    CertificateRequest<'_> = CERTIFICATE_REQUEST,
    ServerHelloDone = SERVER_HELLO_DONE,
    ClientKeyExchange<'_> = CLIENT_KEY_EXCHANGE,
    CertificateVerify<'_> = CERTIFICATE_VERIFY,
    NewSessionTicket<'_> = NEW_SESSION_TICKET,
    Finished<'_> = FINISHED,
}

macro_rules! machine {
    (
        $(#[$doc:meta])*
        $role:ident: $machine:ident {
            $( $kind:ident $state:ident { $( $letter:ident => $after:ident [ $($next:ident)|+ ]; )+ } )*
        }
    ) => {
        $(#[$doc])*
        pub(crate) enum $machine {
            $( $state($state), )*
            Established(Established),
        }

        /// The table as data.
        pub const EDGES: &[$crate::flow::Edge] = &[
            $( $( $crate::flow::Edge {
                state: stringify!($state),
                letter: stringify!($letter),
                next: &[$(stringify!($next)),+],
            }, )+ )*
        ];

        type Cx<'c> = $crate::handshake::Cx<'c, $role>;

        /// A state takes a letter and becomes one of the letter's successors.
        pub(crate) trait On<L> {
            type Next;
            fn on(self, cx: &mut Cx<'_>, letter: L) -> Result<Self::Next, $crate::error::Reason>;
        }

        /// A state that asks the outside.
        pub(crate) trait Asks {
            type Answer;
            /// Asks the trait of the configuration; called once.
            fn decide(&mut self, cx: &mut Cx<'_>) -> Result<$crate::decision::Decision<Self::Answer>, $crate::error::Reason>;
            /// The same question as an owned value, for when the answer was `Later`.
            fn request(&self, cx: &Cx<'_>, token: $crate::ask::Token) -> $crate::ask::Ask;
            /// What stands in for an answer that will not come, where the handshake can do without one.
            fn without_answer(&self, _why: &str) -> Option<Self::Answer> {
                None
            }
        }

        $( $(
            /// Where this letter may lead.
            pub(crate) enum $after { $( $next($next), )+ }

            $( impl From<$next> for $after {
                fn from(state: $next) -> Self {
                    $after::$next(state)
                }
            } )+

            impl From<$after> for $machine {
                fn from(after: $after) -> Self {
                    match after { $( $after::$next(state) => $machine::$next(state), )+ }
                }
            }
        )+ )*

        impl $crate::handshake::Machine<$role> for $machine {
            fn name(&self) -> &'static str {
                match self {
                    $( $machine::$state(_) => stringify!($state), )*
                    $machine::Established(_) => "Established",
                }
            }

            fn expected(&self) -> &'static [&'static str] {
                match self {
                    $( $machine::$state(_) => &[$(stringify!($letter)),+], )*
                    $machine::Established(_) => &[],
                }
            }

            fn expects(&self, message: $crate::message::HandshakeType) -> bool {
                use $crate::machine::Letter as _;
                match self {
                    $( $machine::$state(_) => machine!(@expects $kind message $($letter)+), )*
                    $machine::Established(_) => false,
                }
            }

            fn take(self, cx: &mut Cx<'_>, input: $crate::machine::Input<'_>) -> Result<Self, $crate::error::Reason> {
                use $crate::machine::Letter as _;
                let expected = $crate::handshake::Machine::expected(&self);
                match self {
                    $( $machine::$state(state) => machine!(@take $kind state cx input expected $($letter $after)+), )*
                    $machine::Established(_) => Err($crate::error::Reason::UnexpectedMessage { got: input.name(), expected }),
                }
            }

            fn decide(
                &mut self,
                cx: &mut Cx<'_>,
            ) -> Result<Option<$crate::decision::Decision<$crate::ask::Answered>>, $crate::error::Reason> {
                match self {
                    $( $machine::$state(state) => machine!(@decide $kind state cx $($letter)+), )*
                    $machine::Established(_) => Ok(None),
                }
            }

            fn request(&self, cx: &Cx<'_>, token: $crate::ask::Token) -> Option<$crate::ask::Ask> {
                match self {
                    $( $machine::$state(state) => machine!(@request $kind state cx token), )*
                    $machine::Established(_) => None,
                }
            }

            fn answer(self, cx: &mut Cx<'_>, answer: $crate::ask::Answered) -> Result<Self, $crate::error::Reason> {
                match self {
                    $( $machine::$state(state) => machine!(@answer $kind state cx answer $($letter $after)+), )*
                    $machine::Established(_) => Err($crate::error::Reason::UnexpectedAnswer),
                }
            }

            fn without_answer(&self, why: &str) -> Option<$crate::ask::Answered> {
                match self {
                    $( $machine::$state(state) => machine!(@without_answer $kind state why $($letter)+), )*
                    $machine::Established(_) => None,
                }
            }

            fn established(self) -> Result<Established, Self> {
                match self {
                    $machine::Established(state) => Ok(state),
                    other => Err(other),
                }
            }
        }
    };

    (@expects wait $message:ident $($letter:ident)+) => {
        $( $letter::LETTER == Some($message) )||+
    };
    (@expects ask $message:ident $($letter:ident)+) => {{
        let _ = $message;
        false
    }};

    (@take wait $state:ident $cx:ident $input:ident $expected:ident $($letter:ident $after:ident)+) => {{
        $( if let Some(letter) = $input.read($letter::LETTER, $letter::read) {
            let after: $after = $state.on($cx, letter?)?;
            return Ok(after.into());
        } )+
        let _ = $state;
        Err($crate::error::Reason::UnexpectedMessage { got: $input.name(), expected: $expected })
    }};
    (@take ask $state:ident $cx:ident $input:ident $expected:ident $($letter:ident $after:ident)+) => {{
        // The driver reads nothing while a question is open.
        let _ = ($state, $cx);
        Err($crate::error::Reason::UnexpectedMessage { got: $input.name(), expected: $expected })
    }};

    (@decide wait $state:ident $cx:ident $($letter:ident)+) => {{ let _ = $state; Ok(None) }};
    (@decide ask $state:ident $cx:ident $letter:ident) => {
        Ok(Some($state.decide($cx)?.map($crate::ask::Answered::$letter)))
    };

    (@request wait $state:ident $cx:ident $token:ident) => {{ let _ = $state; None }};
    (@request ask $state:ident $cx:ident $token:ident) => { Some($state.request($cx, $token)) };

    (@without_answer wait $state:ident $why:ident $($letter:ident)+) => {{ let _ = ($state, $why); None }};
    (@without_answer ask $state:ident $why:ident $letter:ident) => {
        $state.without_answer($why).map($crate::ask::Answered::$letter)
    };

    (@answer wait $state:ident $cx:ident $answer:ident $($letter:ident $after:ident)+) => {{
        let _ = ($state, $answer);
        Err($crate::error::Reason::UnexpectedAnswer)
    }};
    (@answer ask $state:ident $cx:ident $answer:ident $letter:ident $after:ident) => {
        match $answer {
            $crate::ask::Answered::$letter(answer) => {
                let answer: $letter = answer;
                let after: $after = $state.on($cx, answer)?;
                Ok(after.into())
            }
            _ => Err($crate::error::Reason::UnexpectedAnswer),
        }
    };
}
pub(crate) use machine;
