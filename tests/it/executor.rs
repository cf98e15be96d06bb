//! An executor in one thread that knows when nothing moves any more, and a transport whose calls often have to be made again.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// A task of [`run`].
pub(crate) type Task<'t> = Pin<Box<dyn Future<Output = ()> + 't>>;

#[derive(Debug)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Polls those tasks that were woken, until all are done. A task that waits for a wake that nobody will send is a failure.
#[track_caller]
pub(crate) fn run<'t>(tasks: impl IntoIterator<Item = Task<'t>>) {
    let mut tasks: Vec<_> = tasks.into_iter().map(|task| (task, Arc::new(Flag(AtomicBool::new(true))))).collect();
    while !tasks.is_empty() {
        let mut moved = false;
        tasks.retain_mut(|(task, flag)| {
            if !flag.0.swap(false, Ordering::SeqCst) {
                return true;
            }
            moved = true;
            task.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(flag)))).is_pending()
        });
        assert!(moved, "{} tasks wait for ever", tasks.len());
    }
}

/// Lets the other tasks go on.
pub(crate) async fn yielded() {
    let mut is_first = true;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut is_first, false) { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

/// Makes a call until its future is ready when it is first polled, and drops each one that is not.
pub(crate) async fn cancelled<T>(mut call: impl AsyncFnMut() -> T) -> T {
    for _ in 0..1_000_000 {
        let mut future = Box::pin(call());
        let first = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        drop(future);
        match first {
            Poll::Ready(output) => return output,
            Poll::Pending => yielded().await,
        }
    }
    panic!("the call never comes back");
}

/// Says `Pending` as a script wants it, and takes or gives little at a time.
#[derive(Debug)]
pub(crate) struct Fitful {
    pub(crate) inner: DuplexStream,
    state: u32,
}

impl Fitful {
    pub(crate) fn new(inner: DuplexStream, seed: u32) -> Self {
        Fitful { inner, state: seed }
    }

    /// How many bytes the next call may move; none is `Pending`, and the task is woken at once.
    fn most(&mut self, cx: &Context<'_>) -> Option<usize> {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [high, low, ..] = self.state.to_be_bytes();
        if high < 128 {
            cx.waker().wake_by_ref();
            return None;
        }
        Some(usize::from(low) * usize::from(low) / 16 + 1)
    }
}

impl AsyncRead for Fitful {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(most) = self.most(cx) else { return Poll::Pending };
        let mut some = out.take(most);
        let result = Pin::new(&mut self.inner).poll_read(cx, &mut some);
        let count = some.filled().len();
        out.advance(count);
        result
    }
}

impl AsyncWrite for Fitful {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(most) = self.most(cx) else { return Poll::Pending };
        Pin::new(&mut self.inner).poll_write(cx, &bytes[..bytes.len().min(most)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(_) = self.most(cx) else { return Poll::Pending };
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(_) = self.most(cx) else { return Poll::Pending };
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
