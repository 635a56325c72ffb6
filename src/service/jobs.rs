//! Jobs: films, and pictures by optimisation, which take longer than a request should.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{ConnectInfo, Multipart, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use tower_http::services::ServeFile;
use utoipa::ToSchema;

use super::form::{Form, Target};
use super::house::{House, announced};
use super::job::{Job, Journal, Kind, State as JobState};
use super::pictures::guarded;
use super::wishes::{Purpose, WishesForm};
use super::worker::{preview, too_long, without_paths};
use crate::error::{Error, Result, within};
use crate::frame::Frame;
use crate::media::read::{DecodeOptions, Decoder};
use crate::network::vgg19;
use crate::picture::read;
use crate::studio::still::StillSettings;
use crate::web::answer::{Problem, Refusal, json};
use crate::web::guard::Client;
use crate::whole;

/// How often clients that follow are told, at most, and that the connection still stands.
const TOLD: Duration = Duration::from_millis(300);
const STANDS: Duration = Duration::from_secs(4);

/// The containers that a film can be asked for in.
const CONTAINERS: [&str; 4] = ["mp4", "mkv", "mov", "webm"];

/// The form of a request.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "it describes the form to clients")]
pub struct JobForm {
    /// The film, or the picture of a `paint` job.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// `film` (the default): a network paints it frame by frame. `paint`: a picture, by optimisation, which needs style_image.
    kind: Option<Kind>,
    #[serde(flatten)]
    wishes: WishesForm,
    /// Of a film: `mp4` (the default), `mkv`, `mov` or `webm`. Of a picture: `png` (the default) or `jpg`.
    container: Option<String>,
    /// Of a `paint` job: the longer side of the result, in pixels. Default: 512.
    size: Option<u32>,
    /// Of a `paint` job: steps at each scale. Default: 200.
    steps: Option<u32>,
}

/// All jobs.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobList {
    /// The newest first.
    pub jobs: Vec<Job>,
    /// Bytes that they have on the disk.
    pub disk_used: u64,
    /// Bytes that they may have. When it is full, the oldest results go.
    pub disk_limit: u64,
    /// Pictures that are painted or wait.
    pub pictures: usize,
    /// Visitors' cameras that are painted.
    pub cameras: i64,
    /// The device that paints.
    pub device: Option<String>,
}

fn list_of(house: &House) -> JobList {
    let (disk_used, disk_limit) = house.store.disk();
    JobList {
        jobs: house.store.jobs(),
        disk_used,
        disk_limit,
        pictures: house.gate.pictures(),
        cameras: house.metrics.cameras.get(),
        device: house.studio.chosen_device().map(|(device, _)| device.to_string()),
    }
}

/// Send a film, or a picture to be painted by optimisation.
///
/// The job waits for its turn. If the server ends, the job resumes when it starts again.
#[utoipa::path(
    post, path = "/jobs", tag = "jobs",
    request_body(content = JobForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The job waits; `Location` is its address", body = Job),
        (status = 400, description = "It is no film or picture, or a field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "It is too large or too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "It is no form", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many of your jobs are waiting", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "There is no room on the disk", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn create(
    State(house): State<Arc<House>>,
    ConnectInfo(client): ConnectInfo<Client>,
    headers: HeaderMap,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, Refusal> {
    let multipart = multipart.map_err(|error| Refusal::new(error.status(), error.body_text()))?;
    let length = announced(&headers);
    let most = house.limits.upload;
    if length.is_some_and(|length| length > most) {
        return Err(super::form::too_large(most));
    }
    let client_name = client.address.to_string();
    // The film, and about as much for the painted one.
    let draft = house.store.draft(&client_name, 2 * length.unwrap_or(most))?;
    let input = draft.folder.join("input");
    let form =
        Form::read(multipart, "file", Target::File(&input, most), &draft.folder, house.limits.picture_bytes()).await?;
    let _working = client.working();
    let name = form.name.ok_or_else(|| Refusal::bad("the file is missing: send it as the file field 'file'"))?;
    let (mut kind, mut ending) = (Kind::Film, None);
    for (field, value) in &form.others {
        match (field.as_str(), value.trim()) {
            (_, "") => {}
            ("kind", "film") => kind = Kind::Film,
            ("kind", "paint") => kind = Kind::Paint,
            ("kind", other) => return Err(Refusal::bad(format!("kind '{other}' is neither film nor paint"))),
            ("container", other) => ending = Some(other.to_ascii_lowercase()),
            (other, _) => {
                return Err(Refusal::bad(format!("no field is called '{other}'; the API's description lists them")));
            }
        }
    }
    let known: &[&str] = if kind == Kind::Film { &CONTAINERS } else { &["png", "jpg"] };
    let ending = ending.unwrap_or_else(|| known[0].to_owned());
    if !known.contains(&ending.as_str()) {
        return Err(Refusal::bad(format!("container '{ending}' is not one of {}", known.join(", "))));
    }
    form.wishes.check_fields(if kind == Kind::Film { Purpose::Film } else { Purpose::Paint })?;
    let Probed { poster, most_frames } = match kind {
        Kind::Film => {
            house.check(&form.wishes.settings(&form.styles)?)?;
            let (house, folder, name) = (Arc::clone(&house), draft.folder.clone(), name.clone());
            guarded("probe", move || Ok(probe(&house, &folder, &name))).await??
        }
        Kind::Paint => {
            if form.styles.is_empty() {
                return Err(Refusal::bad(
                    "a paint job takes its style from a picture: send it as the file field 'style_image'",
                ));
            }
            if !vgg19::is_installed() {
                return Err(Refusal::bad(format!("VGG-19, which paints by optimisation, is missing; {}", vgg19::CURE)));
            }
            form.wishes.settings(&form.styles)?;
            check_size(form.wishes.size, form.wishes.steps)?;
            let (most, styles) = (house.studio.machine().max_pixels, form.styles.clone());
            let (folder, shown) = (draft.folder.clone(), name.clone());
            let read = move || {
                let original = read::load(&input, most)?;
                styles.iter().try_for_each(|style| read::load(style, most).map(drop))?;
                Ok(Probed { poster: preview(&original.frame)?, most_frames: None })
            };
            let read = guarded("decode", read).await;
            read.map_err(|error| Refusal::bad(without_paths(&error.to_string(), &folder, &shown)))?
        }
    };
    let mut files = form.styles.clone();
    files.push(draft.folder.join("input"));
    // Before the journal, which says that they are there.
    let sync =
        move || files.iter().try_for_each(|path| whole::sync_file(path).map_err(|error| Error::writing(path, &error)));
    guarded("sync", sync).await?;
    let journal = Journal {
        id: draft.id.clone(),
        number: 0,
        kind,
        state: JobState::Queued,
        name,
        client: client_name,
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        wishes: form.wishes,
        styles: form.styles.len(),
        ending,
        most_frames,
        outcome: None,
        error: None,
        warnings: Vec::new(),
    };
    let job = house.store.keep(draft, journal, poster)?;
    let mut answer = (StatusCode::CREATED, json(&job)).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/jobs/{}", job.id)) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

fn check_size(size: Option<u32>, steps: Option<u32>) -> Result<()> {
    size.map_or(Ok(()), |size| within("size", size, &StillSettings::SIZES))?;
    steps.map_or(Ok(()), |steps| within("steps", steps, &StillSettings::ITERATIONS))
}

/// A film that was sent, opened.
struct Probed {
    poster: Bytes,
    /// See [`Journal::most_frames`].
    most_frames: Option<u64>,
}

/// Opens a film that was sent, and checks its length as far as its file states it.
fn probe(house: &House, folder: &std::path::Path, name: &str) -> Result<Probed, Refusal> {
    let path = folder.join("input");
    let options =
        DecodeOptions { threads: Some(1), max_pixels: house.studio.machine().max_pixels, ..DecodeOptions::default() };
    let words = |error: Error| Refusal::bad(without_paths(&error.to_string(), folder, name));
    let mut film = Decoder::open(&path, &options).map_err(words)?;
    if film.is_still() {
        return Err(Refusal::bad(format!("'{name}' is one picture; send it to /api/v1/pictures")));
    }
    let (frames, rate) = (film.info().frames.unwrap_or(0), film.info().frame_rate.as_f64());
    let (seconds, most) = (frames as f64 / rate.max(1e-3), house.limits.seconds);
    if seconds > most {
        let length = format!("{:.0} minutes long", seconds / 60.0);
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, too_long(name, &length, most)));
    }
    let most_frames = film.info().frames.is_none().then_some((most * rate).ceil() as u64);
    let mut frame = Frame::default();
    let found = film.next(&mut frame).map_err(words)?;
    let poster = if found { preview(&frame).map_err(words)? } else { Bytes::new() };
    Ok(Probed { poster, most_frames })
}

/// List the jobs.
#[utoipa::path(get, path = "/jobs", tag = "jobs", responses((status = 200, body = JobList)))]
pub async fn list(State(house): State<Arc<House>>) -> Response {
    json(&list_of(&house))
}

/// See how far a job is.
#[utoipa::path(
    get, path = "/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses((status = 200, body = Job), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn get(State(house): State<Arc<House>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    Ok(json(&house.store.job(&id).ok_or_else(|| no_job("job"))?))
}

/// End a job. What was painted of it stays, and it can be resumed.
#[utoipa::path(
    post, path = "/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, body = Job),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has ended already", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn cancel(State(house): State<Arc<House>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    Ok(json(&house.store.cancel(&id)?))
}

/// Put a job that was cancelled or failed back into the queue.
#[utoipa::path(
    post, path = "/jobs/{id}/resume", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, body = Job),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is done or under way", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn resume(State(house): State<Arc<House>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    Ok(json(&house.store.resume(&id)?))
}

/// Delete a job with its files. A job that runs is ended first.
#[utoipa::path(
    delete, path = "/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn delete(State(house): State<Arc<House>>, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    guarded("delete", move || Ok(house.store.delete(&id))).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Fetch the result of a job. Ranges are supported.
#[utoipa::path(
    get, path = "/jobs/{id}/result", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, description = "The painted film or picture", content(
            (Vec<u8> = "video/mp4"), (Vec<u8> = "video/webm"), (Vec<u8> = "video/x-matroska"), (Vec<u8> = "video/quicktime"),
            (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"))),
        (status = 404, description = "There is no such job, or it is not done", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn result(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (path, kind) = house.store.result(&id).ok_or_else(|| no_job("result"))?;
    let kind = kind.parse().map_err(|_| Refusal::from(Error::internal("a type of a result is none")))?;
    let answer = ServeFile::new_with_mime(&path, &kind).try_call(request).await;
    answer.map(|answer| answer.map(Body::new)).map_err(|error| Error::reading(&path, &error).into())
}

/// See the newest painting of a job.
#[utoipa::path(
    get, path = "/jobs/{id}/preview.jpg", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, description = "The newest frame or step", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(State(house): State<Arc<House>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let bytes = house.store.preview(&id).ok_or_else(|| no_job("preview"))?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-store")], bytes).into_response())
}

/// Follow a job: an event whenever it changes, each with the job as JSON. The stream ends with the job.
#[utoipa::path(
    get, path = "/jobs/{id}/events", tag = "jobs", params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn follow(State(house): State<Arc<House>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    house.store.job(&id).ok_or_else(|| no_job("job"))?;
    let look = move |house: &House| {
        let job = house.store.job(&id)?;
        let is_last = job.state.is_final();
        Some((Event::default().event("job").json_data(&job).ok()?, is_last))
    };
    Ok(events(house, look).into_response())
}

/// Follow everything: an event whenever a job changes, each with the list of jobs as JSON.
#[utoipa::path(
    get, path = "/events", tag = "jobs",
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"))
)]
pub async fn follow_all(State(house): State<Arc<House>>) -> Response {
    let look = |house: &House| Some((Event::default().event("jobs").json_data(list_of(house)).ok()?, false));
    events(house, look).into_response()
}

/// What a client that follows is told: what `look` sees after each change, until that is the last or nothing.
fn events(
    house: Arc<House>,
    look: impl FnMut(&House) -> Option<(Event, bool)> + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut changes = house.store.follow();
    changes.mark_changed();
    // The first is told at once; later, what comes within a short time is told together.
    let state = (house, changes, look, Duration::ZERO, false);
    let stream = unfold(state, |(house, mut changes, mut look, pause, is_over)| async move {
        if is_over {
            return None;
        }
        changes.changed().await.ok()?;
        tokio::time::sleep(pause).await;
        changes.borrow_and_update();
        let (event, is_last) = look(&house)?;
        Some((Ok(event), (house, changes, look, TOLD, is_last)))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(STANDS))
}

fn no_job(what: &str) -> Refusal {
    let words = match what {
        "result" => "there is no result: the job is not done, or it is gone",
        "preview" => "there is no preview yet",
        _ => "there is no such job; it may have been deleted, or have gone to make room",
    };
    Refusal::new(StatusCode::NOT_FOUND, words)
}
