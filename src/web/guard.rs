//! Who is served: pages of this server and programs, not pages of others; beyond this machine, who knows the token.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use super::answer::refusal;
use crate::error::{Error, cause};
use crate::sync::lock;

/// Connections at a time: streams, and pages that ask for the state.
const CONNECTIONS: usize = 64;

/// Connections of one other machine, so that it cannot take them all.
const CONNECTIONS_EACH: usize = 24;

/// How long a client may take nothing, and send nothing, before it is let go: one that has stalled, or that sends its
/// request one byte at a time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client must send to earn that time once more, in bytes.
const SENT: usize = 16 << 10;

/// What a page may load: what this server has, and pictures and films that the page made itself. WebAssembly from here may run; text
/// never becomes a program.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// Begins the name of the cookie with the token; the port follows, for browsers give cookies to all ports of a host.
const COOKIE: &str = "impasto_token_";

/// What a request must know.
pub struct Guard {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The secret; none is asked for without one.
    pub token: Option<String>,
}

/// What a request says about who asks; empty where it says nothing, or nothing that is text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The header `Host`.
    pub host: &'a str,
    /// The header `Origin`, which pages of other sites cannot leave out.
    pub origin: Option<&'a str>,
    /// What follows the question mark of the address.
    pub query: &'a str,
    /// The header `Authorization`.
    pub authorization: &'a str,
    /// The header `Cookie`.
    pub cookie: &'a str,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its host is a name that somebody else's page made this machine's (DNS rebinding), or another port.
    Host,
    /// It is of another site's page.
    Origin,
    /// It does not know the token.
    Token,
}

/// Lets a request through, or refuses it with a sentence.
pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let asked = Asked {
        host: text(header::HOST).unwrap_or_default(),
        origin: text(header::ORIGIN),
        query: request.uri().query().unwrap_or_default(),
        authorization: text(header::AUTHORIZATION).unwrap_or_default(),
        cookie: text(header::COOKIE).unwrap_or_default(),
    };
    if let Err(refused) = guard.admit(&asked) {
        let (status, sentence) = match refused {
            Refused::Host => (StatusCode::FORBIDDEN, "this server is known by its address only; open that"),
            Refused::Origin => (StatusCode::FORBIDDEN, "other sites' pages may not use this server"),
            Refused::Token => {
                (StatusCode::UNAUTHORIZED, "the token is missing or wrong; open the address that impasto printed")
            }
        };
        return refusal(status, sentence);
    }
    let mut response = next.run(request).await;
    if let Some(token) = &guard.token {
        // The page's own requests then need not carry it in their addresses.
        let cookie = format!("{}={token}; HttpOnly; SameSite=Strict; Path=/", guard.cookie());
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

impl Guard {
    /// Whether a request is served.
    ///
    /// # Errors
    /// It is not, and why.
    pub fn admit(&self, asked: &Asked<'_>) -> Result<(), Refused> {
        if !self.knows_host(asked.host) {
            return Err(Refused::Host);
        }
        if asked.origin.is_some_and(|origin| origin != format!("http://{}", asked.host)) {
            return Err(Refused::Origin);
        }
        if self.is_known(asked) { Ok(()) } else { Err(Refused::Token) }
    }

    /// Whether `host` means this server: by number, or as `localhost`.
    fn knows_host(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            // Digits only: a sign is parsed as well.
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port.parse().ok()),
            Some((_, port)) if !port.ends_with(']') => return false,
            _ => (host, Some(80)),
        };
        let ip = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(name) => name.parse().map(IpAddr::V6).ok(),
            None => name.parse().map(IpAddr::V4).ok(),
        };
        let is_here = match ip {
            Some(ip) if self.listen.ip().is_loopback() => ip.is_loopback(),
            Some(_) => true,
            None => name == "localhost",
        };
        is_here && port == Some(self.listen.port())
    }

    /// The name of the cookie with the token.
    fn cookie(&self) -> String {
        format!("{COOKIE}{}", self.listen.port())
    }

    fn is_known(&self, asked: &Asked<'_>) -> bool {
        let Some(token) = &self.token else { return true };
        let bearer = asked.authorization.strip_prefix("Bearer ");
        let pairs = asked.query.split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.filter(|(name, _)| *name == "token").map(|(_, value)| value);
        let cookies = asked.cookie.split("; ").filter_map(|pair| pair.split_once('='));
        let own = self.cookie();
        let cookie = cookies.filter(|(name, _)| *name == own).map(|(_, value)| value);
        bearer.into_iter().chain(query).chain(cookie).any(|given| is_equal(given.as_bytes(), token.as_bytes()))
    }
}

/// Compares in a time that does not tell how much of it is right.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// 128 bits that nobody can guess, in hexadecimal.
///
/// # Errors
/// The system gives no random numbers.
pub fn random_token() -> crate::error::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::failed(format!("the system gives no random token ({}); give one with --token", cause(&error)))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A listener with a limit on connections; further ones wait.
pub(super) struct Limited {
    inner: TcpListener,
    free: Arc<Semaphore>,
    /// Connections of each other machine.
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Limited {
    pub(super) fn new(inner: TcpListener) -> Self {
        Self { inner, free: Arc::new(Semaphore::new(CONNECTIONS)), open: Arc::default() }
    }
}

/// A connection that counts against the limit while it lasts, and does not last if nothing comes or is taken.
pub(super) struct Counted {
    inner: TcpStream,
    _permit: Option<OwnedSemaphorePermit>,
    _place: Occupied,
    patience: Pin<Box<Sleep>>,
    /// Bytes that came since the patience began again.
    sent: usize,
    working: Arc<AtomicUsize>,
}

/// Who asks, as far as a connection tells.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    working: Arc<AtomicUsize>,
}

/// The server works on an answer; the client is not expected to do anything until this is dropped.
pub struct Working(Arc<AtomicUsize>);

impl Client {
    /// Says that the server works on an answer.
    pub fn working(&self) -> Working {
        self.working.fetch_add(1, Ordering::Relaxed);
        Working(Arc::clone(&self.working))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Limited>> for Client {
    fn connect_info(stream: IncomingStream<'_, Limited>) -> Self {
        Self { address: stream.remote_addr().ip(), working: Arc::clone(&stream.io().working) }
    }
}

/// One of the connections of a machine, until it is dropped.
struct Occupied {
    address: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Occupied {
    /// `None` if the machine has too many. What is on this machine is trusted.
    fn new(address: IpAddr, open: &Arc<Mutex<HashMap<IpAddr, usize>>>) -> Option<Self> {
        let mut counts = lock(open);
        let count = counts.entry(address).or_default();
        if *count >= CONNECTIONS_EACH && !address.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Self { address, open: Arc::clone(open) })
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        let mut counts = lock(&self.open);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

impl Counted {
    fn is_patient(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.patience.as_mut().poll(cx).is_ready() {
            if self.working.load(Ordering::Relaxed) == 0 {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.begin_again();
        }
        Ok(())
    }

    fn begin_again(&mut self) {
        self.sent = 0;
        self.patience.as_mut().reset(Instant::now() + PATIENCE);
    }
}

impl Listener for Limited {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Counted, SocketAddr) {
        // Only a semaphore that was closed gives none, and nobody closes it.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        loop {
            match self.inner.accept().await {
                Ok((inner, address)) => {
                    // Closed at once; the machine may come again when it has closed another.
                    let Some(place) = Occupied::new(address.ip(), &self.open) else { continue };
                    // Frames go out at once. Where the system refuses, it is only slower.
                    let _ = inner.set_nodelay(true);
                    let patience = Box::pin(tokio::time::sleep(PATIENCE));
                    return (
                        Counted { inner, _permit: permit, _place: place, patience, sent: 0, working: Arc::default() },
                        address,
                    );
                }
                // The client has gone again, or the process has no more file handles for now.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.is_patient(cx)?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.sent += buffer.filled().len() - before;
        if self.sent >= SENT {
            self.begin_again();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_patient(cx)?;
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.begin_again();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(listen: &str) -> Guard {
        Guard { listen: listen.parse().unwrap(), token: Some("secret".into()) }
    }

    #[test]
    fn only_addresses_of_this_machine_are_known_at_home() {
        let home = guard("127.0.0.1:8080");
        for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"] {
            assert!(home.knows_host(host), "{host}");
        }
        for host in [
            "evil.example:8080",
            "127.0.0.1:9999",
            "localhost",
            "192.168.0.7:8080",
            "",
            "127.0.0.1.evil.example:8080",
            "[localhost:8080",
            "[127.0.0.1]:8080",
            "::1:8080",
            "localhost:+8080",
        ] {
            assert!(!home.knows_host(host), "{host}");
        }
    }

    #[test]
    fn abroad_any_number_is_known_and_no_name_of_others() {
        let abroad = guard("0.0.0.0:80");
        assert!(abroad.knows_host("[fe80::1]") && abroad.knows_host("[fe80::1]:80"));
        assert!(abroad.knows_host("192.168.0.7") && abroad.knows_host("192.168.0.7:80"));
        assert!(!abroad.knows_host("evil.example"));
    }

    #[test]
    fn the_token_is_taken_from_each_of_its_places() {
        let guard = guard("127.0.0.1:1");
        let host = "127.0.0.1:1";
        let admit = |asked: Asked<'_>| guard.admit(&Asked { host, ..asked });
        for right in [
            Asked { query: "a=b&token=secret", ..Asked::default() },
            Asked { authorization: "Bearer secret", ..Asked::default() },
            Asked { cookie: "a=b; impasto_token_1=secret", ..Asked::default() },
        ] {
            assert_eq!(admit(right), Ok(()), "{right:?}");
        }
        // That of a server on another port.
        assert_eq!(admit(Asked { cookie: "impasto_token_2=secret", ..Asked::default() }), Err(Refused::Token));
        for query in ["", "token=", "token=secre", "token=secrets"] {
            assert_eq!(admit(Asked { query, ..Asked::default() }), Err(Refused::Token), "{query}");
        }
    }

    #[test]
    fn another_machine_cannot_take_all_connections_and_gets_one_back_when_it_closes_one() {
        let (open, other) = (Arc::default(), IpAddr::from([10, 0, 0, 7]));
        let mut held: Vec<_> = (0..CONNECTIONS_EACH).map(|_| Occupied::new(other, &open).unwrap()).collect();
        assert!(Occupied::new(other, &open).is_none());
        assert!(Occupied::new(IpAddr::from([10, 0, 0, 8]), &open).is_some());
        held.pop();
        assert!(Occupied::new(other, &open).is_some());
        let own: Vec<_> = (0..CONNECTIONS).map_while(|_| Occupied::new(IpAddr::from([127, 0, 0, 1]), &open)).collect();
        assert_eq!(own.len(), CONNECTIONS);
        drop((held, own));
        assert!(lock(&open).is_empty());
    }

    #[test]
    fn tokens_differ() {
        let (a, b) = (random_token().unwrap(), random_token().unwrap());
        assert!(a.len() == 32 && a != b);
    }
}
