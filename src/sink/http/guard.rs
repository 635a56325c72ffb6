//! Who is served: pages of this server and programs, not pages of others; beyond this machine, who knows the token.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::Listener;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use super::refusal;
use crate::error::{Error, Result};

/// Connections at a time: streams, and pages that ask for the state.
const CONNECTIONS: usize = 64;

/// How long a client may take nothing, and ask for nothing, before it is let go: one that has stalled, or that sends its
/// request by the letter.
const PATIENCE: Duration = Duration::from_secs(10);

const COOKIE: &str = "impasto_token";

/// What a request must know.
pub struct Guard {
    pub listen: SocketAddr,
    pub token: Option<String>,
}

/// Lets a request through, or refuses it with a sentence.
pub async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    if !guard.knows_host(&host) {
        // A name that somebody else's page made this machine's (DNS rebinding).
        return refusal(StatusCode::FORBIDDEN, "this server is known by its address only; open that");
    }
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    if origin.is_some_and(|origin| origin != format!("http://{host}")) {
        return refusal(StatusCode::FORBIDDEN, "other sites' pages may not use this server");
    }
    if !guard.is_known(headers, request.uri()) {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "the token is missing or wrong; open the address that impasto printed",
        );
    }
    let mut response = next.run(request).await;
    if let Some(token) = &guard.token {
        // The page's own requests then need not carry it in their addresses.
        let cookie = format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

impl Guard {
    /// Whether `host` means this server: by number, or as `localhost`.
    fn knows_host(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let is_here = match name.parse::<IpAddr>() {
            Ok(ip) if self.listen.ip().is_loopback() => ip.is_loopback(),
            Ok(_) => true,
            Err(_) => name == "localhost",
        };
        is_here && port == Some(self.listen.port())
    }

    fn is_known(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let Some(token) = &self.token else { return true };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let bearer = text(header::AUTHORIZATION).strip_prefix("Bearer ");
        let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.filter(|(name, _)| *name == "token").map(|(_, value)| value);
        let cookies = text(header::COOKIE).split("; ").filter_map(|pair| pair.split_once('='));
        let cookie = cookies.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
        bearer.into_iter().chain(query).chain(cookie).any(|given| is_equal(given.as_bytes(), token.as_bytes()))
    }
}

/// Compares in a time that does not tell how much of it is right.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// 128 bits that nobody can guess, in hexadecimal.
pub fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::failed(format!("cannot make up a token: {error}; give one with --token")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A listener with a limit on connections; further ones wait.
pub struct Limited {
    inner: TcpListener,
    free: Arc<Semaphore>,
}

impl Limited {
    pub fn new(inner: TcpListener) -> Self {
        Self { inner, free: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

/// A connection that counts against the limit while it lasts, and does not last without an answer being taken.
pub struct Counted {
    inner: TcpStream,
    _permit: Option<OwnedSemaphorePermit>,
    patience: Pin<Box<Sleep>>,
}

impl Counted {
    fn is_patient(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.patience.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
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
                    // Frames go out at once. Where the system refuses, it is only slower.
                    let _ = inner.set_nodelay(true);
                    let patience = Box::pin(tokio::time::sleep(PATIENCE));
                    return (Counted { inner, _permit: permit, patience }, address);
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
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_patient(cx)?;
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.patience.as_mut().reset(Instant::now() + PATIENCE);
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
        for host in
            ["evil.example:8080", "127.0.0.1:9999", "localhost", "192.168.0.7:8080", "", "127.0.0.1.evil.example:8080"]
        {
            assert!(!home.knows_host(host), "{host}");
        }
    }

    #[test]
    fn abroad_any_number_is_known_and_no_name_of_others() {
        let abroad = guard("0.0.0.0:80");
        assert!(abroad.knows_host("192.168.0.7") && abroad.knows_host("192.168.0.7:80"));
        assert!(!abroad.knows_host("evil.example"));
    }

    #[test]
    fn the_token_is_taken_from_each_of_its_places() {
        let guard = guard("127.0.0.1:1");
        let known = |header: Option<(header::HeaderName, &str)>, uri: &str| {
            let mut headers = HeaderMap::new();
            header.into_iter().for_each(|(name, value)| drop(headers.insert(name, value.parse().unwrap())));
            guard.is_known(&headers, &uri.parse().unwrap())
        };
        assert!(known(None, "/?a=b&token=secret"));
        assert!(known(Some((header::AUTHORIZATION, "Bearer secret")), "/"));
        assert!(known(Some((header::COOKIE, "a=b; impasto_token=secret")), "/"));
        for wrong in ["/", "/?token=", "/?token=secre", "/?token=secrets"] {
            assert!(!known(None, wrong), "{wrong}");
        }
    }

    #[test]
    fn tokens_differ() {
        let (a, b) = (random_token().unwrap(), random_token().unwrap());
        assert!(a.len() == 32 && a != b);
    }
}
