use alloc::boxed::Box;

use super::Cx;
use crate::crypto::{FinishedLabel, KeyExchange, SealingKey};
use crate::error::Reason;
use crate::handshake::MasterReady;
use crate::machine::ChangeCipherSpec;
use crate::message::{ClientKeyExchange, Finished, NamedGroup};
use crate::proof::{Established, FinishedVerified, KeyExchangeSigned, PeerProof};
use crate::server::flow::{AfterChangeCipherSpec, AfterClientKeyExchange, AfterFinished, On};

/// Our first flight is out.
pub(crate) struct WaitClientKeyExchange {
    pub(super) peer: PeerProof,
    pub(super) key_exchange: KeyExchangeSigned,
    pub(super) group: NamedGroup,
    pub(super) exchange: Box<dyn KeyExchange>,
}

impl On<ClientKeyExchange<'_>> for WaitClientKeyExchange {
    type Next = AfterClientKeyExchange;

    fn on(self, cx: &mut Cx<'_>, client: ClientKeyExchange<'_>) -> Result<AfterClientKeyExchange, Reason> {
        let WaitClientKeyExchange { peer, key_exchange, group, exchange } = self;
        let pre_master = exchange.complete(client.public_key).map_err(|_| Reason::BadKeyShare(group))?;
        let master = cx.set_master_secret(pre_master)?;
        let sealing_key = cx.expand_keys(master, false)?;
        let next = WaitChangeCipherSpec { peer, key_exchange, master, sealing_key };
        Ok(AfterClientKeyExchange::WaitChangeCipherSpec(next))
    }
}

/// The keys are made.
pub(crate) struct WaitChangeCipherSpec {
    peer: PeerProof,
    key_exchange: KeyExchangeSigned,
    master: MasterReady,
    sealing_key: SealingKey,
}

impl On<ChangeCipherSpec> for WaitChangeCipherSpec {
    type Next = AfterChangeCipherSpec;

    fn on(self, cx: &mut Cx<'_>, _: ChangeCipherSpec) -> Result<AfterChangeCipherSpec, Reason> {
        cx.open_with_new_key()?;
        let WaitChangeCipherSpec { peer, key_exchange, master, sealing_key } = self;
        Ok(AfterChangeCipherSpec::WaitFinished(WaitFinished { peer, key_exchange, master, sealing_key }))
    }
}

/// The client's records are encrypted from here on.
pub(crate) struct WaitFinished {
    peer: PeerProof,
    key_exchange: KeyExchangeSigned,
    master: MasterReady,
    sealing_key: SealingKey,
}

impl On<Finished<'_>> for WaitFinished {
    type Next = AfterFinished;

    fn on(self, cx: &mut Cx<'_>, received: Finished<'_>) -> Result<AfterFinished, Reason> {
        let covered = cx.covered()?;
        let expected = cx.verify_data(self.master, FinishedLabel::Client, &covered)?;
        let finished = FinishedVerified::check(&expected, received.verify_data)?;
        let WaitFinished { peer, key_exchange, master, sealing_key } = self;
        cx.hs.client_finished = expected;
        cx.send_finished(master, FinishedLabel::Server, sealing_key)?;
        cx.bind(master)?;
        Ok(AfterFinished::Established(Established::new(peer, key_exchange, finished)))
    }
}
