use super::Cx;
use crate::client::flow::{AfterChangeCipherSpec, AfterFinished, On};
use crate::crypto::FinishedLabel;
use crate::error::Reason;
use crate::handshake::MasterReady;
use crate::machine::ChangeCipherSpec;
use crate::message::Finished;
use crate::proof::{Established, FinishedVerified, KeyExchangeSigned, PeerProof};

/// Our Finished is out.
pub(crate) struct WaitChangeCipherSpec {
    pub(super) peer: PeerProof,
    pub(super) key_exchange: KeyExchangeSigned,
    pub(super) master: MasterReady,
}

impl On<ChangeCipherSpec> for WaitChangeCipherSpec {
    type Next = AfterChangeCipherSpec;

    fn on(self, cx: &mut Cx<'_>, _: ChangeCipherSpec) -> Result<AfterChangeCipherSpec, Reason> {
        cx.open_with_new_key()?;
        let WaitChangeCipherSpec { peer, key_exchange, master } = self;
        Ok(AfterChangeCipherSpec::WaitFinished(WaitFinished { peer, key_exchange, master }))
    }
}

/// The server's records are encrypted from here on.
pub(crate) struct WaitFinished {
    peer: PeerProof,
    key_exchange: KeyExchangeSigned,
    master: MasterReady,
}

impl On<Finished<'_>> for WaitFinished {
    type Next = AfterFinished;

    fn on(self, cx: &mut Cx<'_>, received: Finished<'_>) -> Result<AfterFinished, Reason> {
        let covered = cx.covered()?;
        let expected = cx.verify_data(self.master, FinishedLabel::Server, &covered)?;
        let finished = FinishedVerified::check(&expected, received.verify_data)?;
        let WaitFinished { peer, key_exchange, master } = self;
        cx.bind(master)?;
        Ok(AfterFinished::Established(Established::new(peer, key_exchange, finished)))
    }
}
