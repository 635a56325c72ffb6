//! scripts/train_network.py and train.py: a tiny network is trained for a few steps, added, and paints.

#[path = "common/need.rs"]
mod need;
#[path = "common/python.rs"]
mod python;
#[path = "common/user.rs"]
#[allow(dead_code, reason = "other tests ask more of a user")]
mod user;

use std::path::Path;

use python::{python, python_with_torch, words};
use tempfile::TempDir;
use user::{LICENCE, User, network, pixels};

/// A network of somebody else's, further down in the manifest.
const OTHER: &str = "\n[[network]]\nname = \"other\"\nfile = \"other.onnx\"\n";

/// A recipe of a tiny network in two styles.
const RECIPE: &str = r#"
batch = 3
crops = [[0, 64]]
rate = 0.002
seed = 1
[network]
quarter = 4
eighth = 8
sixteenth = 8
head = 4
[weights]
content = 0.5
[[later]]
first = 3
weights = { content = 1.0, repeat = 1.0 }
turns = { bars = 2 }
[later.styles]
bars = { color = 7.0 }
[[style]]
name = "dots"
title = "Fractal"
picture = "dots.png"
side = 160
[[style]]
name = "bars"
title = "Bars"
picture = "bars.png"
side = 160
crop = [0.1, 0.0, 1.0, 0.9]
"#;

/// A folder with a photo, two paintings and a VGG-19 of few channels.
fn place() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("photos")).unwrap();
    std::fs::copy(network("classic.png"), at("photos/photo.png")).unwrap();
    for (name, source) in [("dots.png", "mandelbrot=s=96x96"), ("bars.png", "testsrc=s=96x96")] {
        let mut ffmpeg = need::program("ffmpeg");
        ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", source, "-frames:v", "1"]).arg(at(name));
        assert!(ffmpeg.status().unwrap().success(), "{name}");
    }
    let made = python(&["tests/common/tiny_vgg.py", at("vgg.npz").to_str().unwrap()]);
    assert!(made.status.success(), "{}", words(&made));
    folder
}

/// Runs a script with the folder's photos and VGG-19 on one thread; `AT/` in `args` is the folder.
fn run(folder: &Path, script: &str, args: &str) -> std::process::Output {
    let args = format!("{script} {args} --photos AT/photos --vgg AT/vgg.npz --threads 1");
    let at = format!("{}/", folder.display());
    let args: Vec<String> = args.split(' ').map(|arg| arg.replace("AT/", &at)).collect();
    python_with_torch(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The same; gives what was printed.
fn train(folder: &Path, script: &str, args: &str) -> String {
    let trained = run(folder, script, args);
    assert!(trained.status.success(), "{}", words(&trained));
    String::from_utf8(trained.stdout).unwrap()
}

/// Trains the tiny network for so many steps in all.
fn train_tiny(folder: &Path, steps: u32, args: &str) -> String {
    std::fs::write(folder.join("tiny.toml"), format!("steps = {steps}\n{RECIPE}")).unwrap();
    let args = format!("AT/tiny.toml --paintings AT/ --checkpoint AT/tiny.ckpt {args}");
    train(folder, "scripts/train_network.py", &args)
}

/// Paints the photo in `style`, which the user has.
fn paint(user: &User, style: &str) -> Vec<u8> {
    let (photo, out) = (user.photo(), user.path("out.png"));
    user.json(&["image", "-y", &photo, "-o", out.to_str().unwrap(), "--style", style]);
    let painted = pixels(&out);
    std::fs::remove_file(out).unwrap();
    painted
}

#[test]
fn a_recipe_is_trained_resumed_and_listed_and_a_style_of_ones_own_starts_from_its_network() {
    let folder = place();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // The export compares the graph with PyTorch by ONNX's reference evaluator.
    let said = train_tiny(folder.path(), 3, "--out AT/first.onnx");
    assert!(said.contains("photos: 1, styles: 2, step 0 of 3"), "{said}");
    std::fs::write(at("styles.toml"), OTHER).unwrap();
    let listed = "--out AT/tiny.onnx --manifest AT/styles.toml";
    let said = train_tiny(folder.path(), 6, listed);
    assert!(said.contains("step 3 of 6"), "{said}");
    let files = ["first.onnx", "tiny.onnx", "tiny.tiles.onnx"].map(|name| std::fs::read(at(name)).unwrap());
    assert!(files[0] != files[1] && files[1] != files[2], "it learned, and tiles have a graph of their own");
    let manifest = std::fs::read_to_string(at("styles.toml")).unwrap();
    assert!(manifest.contains("name = \"dots\"\nnetwork = \"tiny\"\nindex = 0\ntitle = \"Fractal\"\n"), "{manifest}");
    assert!(manifest.contains("name = \"other\""), "{manifest}");
    train_tiny(folder.path(), 6, listed);
    let again = std::fs::read_to_string(at("styles.toml")).unwrap();
    assert_eq!(again, manifest, "a network listed again keeps its place and its titles");

    let user = User::new();
    let add = |file: &str, styles: &str| {
        user.json(&[&["styles", "add", file, "--styles", styles][..], &LICENCE].concat());
    };
    add(&at("tiny.onnx"), "dots,bars,tiny-photo");
    let [dots, bars, photo] = ["dots", "bars", "tiny-photo"].map(|style| paint(&user, style));
    assert!(dots != bars && dots != photo, "styles are told apart");
    assert_eq!(photo, pixels(user.photo().as_ref()), "the photo's row is the photo");

    for out in ["mine.onnx", "again.onnx"] {
        let args = format!(
            "AT/bars.png --start AT/tiny.onnx --steps 2 --size 64 -o AT/{out} --name mine --preview AT/sheet.png"
        );
        let said = train(folder.path(), "scripts/train.py", &args);
        assert!(said.contains("'mine' starts from ") && said.contains("painted: "), "{said}");
    }
    let said = train(
        folder.path(),
        "scripts/train.py",
        "AT/bars.png --start AT/tiny.onnx --minutes 0.02 --size 64 -o AT/timed.onnx",
    );
    assert!(said.contains(" of 0.02 min") && said.contains("wrote "), "the clock ends it: {said}");
    let [mine, again] = ["mine.onnx", "again.onnx"].map(|name| std::fs::read(at(name)).unwrap());
    assert!(mine == again, "the same seed gives other weights");
    // The photo, 512x352 at a short side of 320, and the painting.
    let sheet =
        impasto::internals::picture::read::load(at("sheet.png").as_ref(), impasto::MaxPixels::default()).unwrap();
    assert_eq!(sheet.frame.height, 320);
    add(&at("mine.onnx"), "mine,mine-photo");
    let mine = paint(&user, "mine");
    assert!(mine != dots && mine != photo, "a style of its own");
}

#[test]
fn a_span_of_a_recipe_gives_single_styles_more_turns_and_weights_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("tiny.toml");
    std::fs::write(&recipe, format!("steps = 9\n{RECIPE}")).unwrap();
    let code = "import sys; sys.path.insert(0, 'scripts'); from impasto_networks.recipe import read_recipe\n\
        recipe = read_recipe(sys.argv[1], '.')\n\
        for step in (2, 3): print(recipe.again(step), recipe.only(step), [(own.content, own.color) for own in recipe.weights(step)])";
    let told = python_with_torch(&["-c", code, recipe.to_str().unwrap()]);
    assert!(told.status.success(), "{}", words(&told));
    let expected = "() () [(0.5, 2.5), (0.5, 2.5)]\n(1,) () [(1.0, 2.5), (1.0, 7.0)]\n";
    assert_eq!(String::from_utf8(told.stdout).unwrap(), expected);
}

#[test]
fn what_training_cannot_use_is_said_in_one_line() {
    let folder = place();
    std::fs::write(folder.path().join("text.onnx"), "no network").unwrap();
    std::fs::create_dir(folder.path().join("none")).unwrap();
    for (args, said) in [
        ("AT/bars.png --start AT/missing.onnx -o AT/out.onnx", "train.py: [Errno 2] No such file or directory"),
        ("AT/bars.png --start AT/text.onnx -o AT/out.onnx", "train.py: 'AT/text.onnx' is not an ONNX file"),
        ("AT/vgg.npz -o AT/out.onnx", "train.py: cannot identify image file"),
    ] {
        let refused = run(folder.path(), "scripts/train.py", &format!("{args} --steps 1"));
        let told = words(&refused).replace(&format!("{}/", folder.path().display()), "AT/");
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.starts_with(said) && told.trim().lines().count() == 1, "{told}");
    }
}

#[test]
fn a_grid_is_seen_on_flat_areas_even_where_two_are_opposite_and_is_none_in_a_slope_or_in_noise() {
    let code = "import sys, numpy, torch; sys.path.insert(0, 'scripts'); from impasto_networks.grid import visible_grid\n\
        flat, weave = numpy.full((1, 3, 68, 132), 0.5), numpy.tile([[4, 0, 0, 0], [0, 0, 0, 0]], (34, 33)) / 255\n\
        opposite = numpy.where(numpy.arange(132) < 66, weave, -weave)\n\
        slope = flat + numpy.arange(132) / 255\n\
        noise = flat + numpy.random.default_rng(0).normal(0, 4 / 255, flat.shape)\n\
        pictures = [flat + weave, flat + opposite, slope, noise, noise + weave]\n\
        for of in (lambda picture: picture, torch.from_numpy):\n\
        \x20   print(*(255 * float(visible_grid(of(picture))[0]) ** 0.5 for picture in pictures))";
    let told = python_with_torch(&["-c", code]);
    assert!(told.status.success(), "{}", words(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    let levels: Vec<f64> = told.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [weave, opposite, slope, noise, in_noise] = levels[..5] else { panic!("{told}") };
    // One place in eight is 4 levels brighter: 1.3 as a root mean square beside their mean.
    assert!((1.2..1.4).contains(&weave), "{told}");
    assert!((1.2..1.4).contains(&opposite), "{told}");
    assert!(slope < 0.01 && noise < 0.2, "{told}");
    assert!((0.9..1.3).contains(&in_noise), "{told}");
    assert!(levels[5..].iter().zip(&levels[..5]).all(|(torch, numpy)| (torch - numpy).abs() < 1e-9), "{told}");
}

#[test]
fn winograds_convolution_and_its_gradient_are_pytorchs_at_any_size() {
    let code = "import sys, torch; sys.path.insert(0, 'scripts'); from impasto_networks.winograd_torch import Convolution\n\
        torch.manual_seed(0); kernel, bias, x = torch.randn(7, 5, 3, 3), torch.randn(7), torch.randn(2, 5, 9, 14, requires_grad=True)\n\
        for padding in (0, 1):\n\
        \x20   own, usual = Convolution(kernel, bias, padding)(x), torch.nn.functional.conv2d(x, kernel, bias, padding=padding)\n\
        \x20   slope = torch.randn_like(usual); gradients = [torch.autograd.grad(y, x, slope)[0] for y in (own, usual)]\n\
        \x20   assert own.shape == usual.shape and usual.std() > 1\n\
        \x20   print(float((own - usual).abs().max()), float((gradients[0] - gradients[1]).abs().max()))";
    let told = python_with_torch(&["-c", code]);
    assert!(told.status.success(), "{}", words(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.split_whitespace().count() == 4, "{told}");
    assert!(told.split_whitespace().all(|word| word.parse::<f64>().unwrap() < 1e-3), "{told}");
}

#[test]
fn soap_comes_down_a_narrow_valley_where_adam_is_stuck_and_rests_a_row_without_a_slope() {
    let code = "import sys, torch; sys.path.insert(0, 'scripts'); from impasto_networks.soap import ROW, Soap\n\
        torch.manual_seed(0); turns = [torch.linalg.qr(torch.randn(size, size))[0] for size in (8, 18)]\n\
        stretches = [torch.logspace(0, -2, size) for size in (8, 18)]\n\
        aim = torch.randn(8, 2, 3, 3)\n\
        valley = lambda x: (stretches[0][:, None] * (turns[0] @ (x - aim).flatten(1) @ turns[1]) * stretches[1]).square().mean()\n\
        for kind in (Soap, torch.optim.Adam):\n\
        \x20   x = torch.zeros(8, 2, 3, 3, requires_grad=True); optimizer = kind([x], lr=0.02)\n\
        \x20   for _ in range(400): optimizer.zero_grad(); loss = valley(x); loss.backward(); optimizer.step(*([[0], torch.tensor([0])] if kind is Soap else []))\n\
        \x20   print(loss.item())\n\
        rows = torch.zeros(3, 4, 4, requires_grad=True); optimizer = Soap([{'params': [rows], 'rows': True, 'memory': ROW}], lr=0.1)\n\
        for step in range(60): rows.grad = torch.zeros(3, 4, 4); rows.grad[step % 2] = torch.eye(4) - torch.ones(4, 4); optimizer.step([step % 2], torch.tensor([step % 2]))\n\
        print(*rows.detach().abs().amax((1, 2)).tolist())";
    let told = python_with_torch(&["-c", code]);
    assert!(told.status.success(), "{}", words(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    let numbers: Vec<f64> = told.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [soap, adam, first, second, resting] = numbers[..] else { panic!("{told}") };
    assert!(soap < adam / 100.0, "{told}");
    assert!(first > 0.5 && second > 0.5 && resting == 0.0, "{told}");
}

#[test]
fn the_spectrum_shows_a_strokes_width_direction_and_strength_and_compares_a_styles_mean_over_its_crops() {
    let code = "import sys, math, torch; sys.path.insert(0, 'scripts'); from impasto_networks.spectrum import DIRECTIONS, Spectra, spectrum\n\
        down, across = torch.meshgrid(torch.arange(192.0), torch.arange(192.0), indexing='ij')\n\
        def stripes(length, degrees, contrast):\n\
        \x20   turn = math.radians(degrees); light = 0.5 + contrast * torch.sin(2 * math.pi * (across * math.cos(turn) + down * math.sin(turn)) / length)\n\
        \x20   return spectrum(light.expand(1, 3, -1, -1))\n\
        strong = [int(stripes(*of).argmax()) for of in ((9.6, 45, 0.2), (6.8, 90, 0.2), (13.7, 157.5, 0.2), (4.8, 0, 0.2))]\n\
        print(*(number for bin in strong for number in (bin // DIRECTIONS, bin % DIRECTIONS)))\n\
        weak, double = stripes(9.6, 45, 0.1), stripes(9.6, 45, 0.2); bin = double.argmax()\n\
        spectra = Spectra(torch.stack([weak[0], weak[0]])); styles = torch.tensor([1])\n\
        own = double.clone().requires_grad_(); first = spectra.distance(own, styles); first.sum().backward()\n\
        for _ in range(60): last = spectra.distance(weak, styles)\n\
        other = spectra.distance(weak, torch.tensor([0]))\n\
        print(float((double - weak)[0, bin]), float(first), float(own.grad[0, bin]), float(last), float(other))";
    let told = python_with_torch(&["-c", code]);
    assert!(told.status.success(), "{}", words(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    let (bins, numbers) = told.trim().split_once('\n').unwrap();
    assert_eq!(bins, "1 2 2 4 0 7 3 0", "rings of 16 to 12, 8, 6 and 4 pixels, and directions of 22.5 degrees");
    let numbers: Vec<f64> = numbers.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [contrast, first, slope, last, other] = numbers[..] else { panic!("{told}") };
    assert!((contrast - 4f64.ln()).abs() < 0.01, "{told}");
    assert!(first > 0.05 && slope > 0.0, "a crop of too much contrast is to have less: {told}");
    assert!(last < first / 1000.0 && other < 1e-9, "{told}");
}

#[test]
fn critics_learn_to_tell_a_style_by_an_order_that_no_gram_matrix_sees_and_leave_other_styles_alone() {
    let code = "import sys, torch; sys.path.insert(0, 'scripts'); from impasto_networks.critic import Critics, Look\n\
        torch.manual_seed(0); styles = torch.tensor([0, 1])\n\
        runs = torch.randn(1, 6, 1, 64).repeat_interleave(64, 2)\n\
        mixed = lambda picture: picture.flatten(2)[:, :, torch.randperm(64 * 64)].reshape(1, 6, 64, 64)\n\
        crop = lambda picture: picture[:, :, 8:56, 8:56]\n\
        looks, squares = (Look('own', False), Look('own', True)), [torch.ones(2, 6)] * 2\n\
        seen = lambda first, second: ({'own': torch.cat([first, second])},) * 2\n\
        critics = Critics(looks, squares)\n\
        gram = lambda picture: picture.flatten(2)[0] @ picture.flatten(2)[0].T\n\
        assert torch.allclose(gram(runs), gram(mixed(runs)), atol=0.1)\n\
        known = seen(crop(runs), crop(mixed(runs)))\n\
        for _ in range(120): critics.distance(seen(crop(mixed(runs)), crop(runs)), styles); critics.learn(known, styles)\n\
        painted = torch.cat([crop(mixed(runs)), crop(runs)]).requires_grad_()\n\
        wrong = critics.distance(({'own': painted},) * 2, styles); wrong.sum().backward()\n\
        right = critics.distance(known, styles)\n\
        small = critics.distance(({'own': runs[:, :, :9, :9]},) * 2, styles[:1]); critics.learn(known, styles)\n\
        again = Critics(looks, squares); again.load(critics.state())\n\
        same = again.distance(({'own': painted.detach()},) * 2, styles) - critics.distance(({'own': painted.detach()},) * 2, styles)\n\
        print(*wrong.tolist(), *right.tolist(), float(painted.grad.abs().sum()), float(small), float(same.abs().max()))";
    let told = python_with_torch(&["-c", code]);
    assert!(told.status.success(), "{}", words(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    let numbers: Vec<f64> = told.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [mixed_for_runs, runs_for_mixed, runs, mixed, slope, small, same] = numbers[..] else { panic!("{told}") };
    assert!(mixed_for_runs > 0.5 && runs_for_mixed > 0.5 && runs < -0.5 && mixed < -0.5, "{told}");
    assert!(slope > 0.0, "{told}");
    assert!(small == 0.0, "a crop smaller than a square is not judged: {told}");
    assert!(same < 0.05, "{told}");
}

#[test]
fn a_wide_network_starts_as_the_narrow_one_and_then_learns_with_its_new_channels() {
    let code = "import sys, torch; sys.path.insert(0, 'scripts')\n\
        from impasto_networks.brush_network import BrushNetwork, Widths, random_grain\n\
        from impasto_networks.widening import widen\n\
        torch.manual_seed(0); narrow, wide = BrushNetwork(3, Widths(4, 8, 8, 4)), BrushNetwork(3, Widths(6, 10, 12, 7))\n\
        for value in narrow.parameters(): value.data += torch.randn_like(value) * 0.1\n\
        widen(wide, narrow.state_dict())\n\
        photo = torch.rand(2, 3, 64, 96); given = photo, torch.eye(3)[:2], random_grain(photo.shape)\n\
        painted = wide.paint(*given); (painted - photo).square().sum().backward()\n\
        print(float((painted - narrow.paint(*given)).abs().max()), float(painted.std()), float(wide.head.weight.grad[:, 4:].abs().max()))\n\
        try: widen(narrow, wide.state_dict())\n\
        except ValueError as error: print(error)";
    let told = python_with_torch(&["-c", code]);
    assert!(told.status.success(), "{}", words(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    let (numbers, refused) = told.trim().split_once('\n').unwrap();
    let numbers: Vec<f64> = numbers.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [difference, spread, slope] = numbers[..] else { panic!("{told}") };
    assert!(difference < 1e-4 && spread > 0.01 && slope > 0.0, "{told}");
    assert_eq!(refused, "the network to start from has other blocks, or more channels");
}

#[test]
fn an_edge_is_followed_and_an_empty_sky_with_a_cameras_noise_is_free() {
    let code = "import sys, torch; sys.path.insert(0, 'scripts'); from impasto_networks.objective import detail_of\n\
        torch.manual_seed(0); photo = torch.full((1, 3, 64, 64), 0.5) + torch.randn(1, 1, 64, 64) / 255\n\
        photo[:, :, :, 32:] += 0.3; detail = detail_of(photo)\n\
        print(float(detail[..., :20].max()), float(detail[..., 30:34].min()))";
    let told = python_with_torch(&["-c", code]);
    assert!(told.status.success(), "{}", words(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    let followed: Vec<f32> = told.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert!(followed[0] < 0.3 && followed[1] > 0.85, "{told}");
}

#[test]
fn tone_is_zero_for_the_photos_own_light_however_faint_and_two_for_its_negative() {
    let code = "import sys, torch; sys.path.insert(0, 'scripts'); from impasto_networks.objective import tone_distance\n\
        photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))\n\
        print(*(float(tone_distance(own, photo)) for own in (photo * 0.3 + 0.4, 1 - photo)))";
    let told = python_with_torch(&["-c", code]);
    assert!(told.status.success(), "{}", words(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    let distances: Vec<f32> = told.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert!(distances[0].abs() < 1e-4 && (distances[1] - 2.0).abs() < 1e-4, "{told}");
}
