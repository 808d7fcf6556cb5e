//! What is wrong with a camera: one thing each.

use std::fmt;

macro_rules! vices {
    ($($(#[doc = $line:literal])+ $vice:ident,)+) => {
        /// One thing that is wrong; everything else is as it should be.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Vice {
            $($(#[doc = $line])+ $vice,)+
        }

        impl Vice {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$vice),+];

            /// What it does, in a line.
            pub fn describe(self) -> &'static str {
                match self {
                    $(Self::$vice => concat!($($line),+).trim_ascii(),)+
                }
            }
        }
    };
}

vices! {
    /// Nothing: the camera is as good as they come.
    None,

    // ---- time and numbers ----
    /// Sends half of a picture after two seconds, and no more.
    StallMidFrame,
    /// RTP timestamps start anew after two seconds.
    TimestampReset,
    /// SSRC, sequence numbers and timestamps are others after two seconds.
    SsrcReset,
    /// Sequence numbers jump by 10 000 after two seconds.
    SequenceJump,
    /// Its clock is 5 % fast: a hundred times what is bad, to see it sooner.
    ClockFast,
    /// Its clock is 5 % slow.
    ClockSlow,
    /// Loses 2 % of its packets, swaps 5 %, and sends 5 % twice.
    LossyNetwork,
    /// Says goodbye by RTCP after two seconds, and is silent.
    Bye,

    // ---- the picture ----
    /// The picture is of another size after two seconds.
    SizeChange,
    /// Hangs up after two seconds, and then has H.265 in place of H.264.
    CodecChange,
    /// Sends H.265 under a payload type it never named after two seconds.
    PayloadTypeSwitch,
    /// Sends H.265 under the payload type of H.264 after two seconds.
    SilentCodecSwitch,
    /// H.265 all the way: not a vice, but rarer.
    H265,
    /// H.264 in 4:2:2, profile High 4:2:2.
    High422,
    /// Names neither profile nor parameter sets in its description.
    NoParameterSets,
    /// Sends its parameter sets in the description only.
    ParameterSetsOnlyDescribed,
    /// Three B-frames between others.
    BFrames,
    /// A key frame every 30 s, the next in 11 s.
    LongGop,
    /// Every third frame is cut off in the middle of a NAL unit.
    TruncatedNals,
    /// A frame a second is random bytes.
    SomeGarbage,
    /// All frames are random bytes.
    OnlyGarbage,
    /// Every third frame's fragments (FU-A) have no end.
    EndlessFragments,
    /// Sends aggregates (STAP-A) whose sizes are not true.
    WrongAggregates,
    /// Has sound too, as AAC with a configuration that means nothing.
    BrokenAac,

    // ---- the description ----
    /// Describes itself in random bytes.
    SdpGarbage,
    /// Describes itself with nothing.
    SdpEmpty,
    /// Describes a session without a single medium.
    SdpWithoutMedia,
    /// Describes an encoding that nobody has heard of.
    SdpUnknownEncoding,
    /// Says H.265 and sends H.264.
    SdpWrongEncoding,
    /// Gives its stream a control address where nothing is.
    SdpWrongControl,
    /// Describes itself in a megabyte of attributes.
    SdpHuge,

    // ---- the conversation ----
    /// Asks for a login with a new challenge every time.
    UnauthorizedLoop,
    /// Takes connections and never answers.
    NeverAnswers,
    /// Answers the first half of everything.
    HalfAnAnswer,
    /// Hangs up after SETUP.
    ClosesAfterSetup,
    /// Agrees to play and sends nothing.
    PlaysNothing,
    /// Numbers its answers wrongly.
    WrongSequence,
    /// Opens sessions without saying which.
    NoSession,
    /// Ends a session after a second without a word from its client.
    ImpatientSession,
    /// Redirects to itself.
    RedirectLoop,
    /// Refuses UDP by 461.
    RefusesUdp,
    /// Does not know its own session when it is to play (454).
    PlayRefused,
    /// Hangs up every two seconds.
    HangsUp,
}

impl Vice {
    /// Whether it is in the packets, not in the conversation about them.
    pub fn is_of_the_stream(self) -> bool {
        use Vice as V;
        self.goes_wrong_in_mid_stream()
            || matches!(
                self,
                V::None | V::ClockFast | V::ClockSlow | V::LossyNetwork | V::SomeGarbage | V::EndlessFragments
            )
    }

    /// Whether it is a good camera at first.
    pub fn goes_wrong_in_mid_stream(self) -> bool {
        use Vice as V;
        matches!(
            self,
            V::StallMidFrame
                | V::TimestampReset
                | V::SsrcReset
                | V::SequenceJump
                | V::Bye
                | V::SizeChange
                | V::CodecChange
                | V::PayloadTypeSwitch
                | V::SilentCodecSwitch
                | V::HangsUp
        )
    }
}

impl fmt::Display for Vice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
