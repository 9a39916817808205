//! Mail about changes: a queue, and one delivery after the other over plain SMTP (RFC 5321) to the relay. Whoever has
//! something to tell never waits.

mod dialogue;
mod message;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::plan::notify::MailPlan;

/// Letters that may wait. A relay that is gone for long costs the newest, which are counted.
const QUEUE_LENGTH: usize = 500;

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Subject of the message
    pub subject: String,
    /// Its one line
    pub text: String,
}

/// Delivers letters in their order.
#[derive(Debug)]
pub struct Mailer {
    queue: mpsc::Sender<Letter>,
    lost: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Mailer {
    /// Starts the delivery. Call within the runtime.
    pub fn start(plan: MailPlan) -> Self {
        let (queue, letters) = mpsc::channel(QUEUE_LENGTH);
        let lost = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(deliver_all(plan, letters, lost.clone()));
        Self { queue, lost, task }
    }

    /// Queues a letter, or counts it as lost.
    pub fn send(&self, letter: Letter) {
        if self.queue.try_send(letter).is_err() && self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!("{QUEUE_LENGTH} mails wait for the relay: later ones are lost until it answers");
        }
    }

    /// Waits for all deliveries at most this long.
    pub async fn finish(self, limit: Duration) {
        drop(self.queue);
        if tokio::time::timeout(limit, self.task).await.is_err() {
            tracing::warn!("mails still wait after {} ms; they are lost", limit.as_millis());
        }
    }
}

async fn deliver_all(plan: MailPlan, mut letters: mpsc::Receiver<Letter>, lost: Arc<AtomicU64>) {
    while let Some(letter) = letters.recv().await {
        match deliver(&plan, &letter).await {
            Ok(()) => {
                tracing::debug!("mail sent: {}", letter.subject);
                let lost = lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    tracing::warn!("the mail relay answers again; {lost} mails were lost");
                }
            }
            Err(error) => tracing::error!("mail `{}` not sent: {error:#}", letter.subject),
        }
    }
}

async fn deliver(plan: &MailPlan, letter: &Letter) -> anyhow::Result<()> {
    let relay = || format!("relay {} port {}", plan.host, plan.port);
    let connection = TcpStream::connect((plan.host.as_str(), plan.port));
    let connection = tokio::time::timeout(plan.timeout, connection)
        .await
        .with_context(|| format!("{}: no connection within {} s", relay(), plan.timeout.as_secs()))?
        .with_context(relay)?;
    dialogue::deliver(connection, plan, &message::compose(plan, letter))
        .await
        .with_context(relay)
}
