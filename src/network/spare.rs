//! A network that continues on the processor when its device fails.

use std::sync::Arc;

use super::provider::{Device, Provider};
use super::runtime::Runtime;
use super::{Network, NetworkFile, Opening, open};
use crate::error::{Error, Result};
use crate::frame::Image;
use crate::kernel::grain::Grain;

/// Told once why the device failed.
pub type Failed = Arc<dyn Fn(&Error) + Send + Sync>;

/// Opens a network that does the same on the processor.
type Reopen = Box<dyn FnMut() -> Result<Box<dyn Network>> + Send>;

/// A network on a device, and the way to a second one.
pub struct SpareNetwork {
    network: Box<dyn Network>,
    /// `None` once the device has failed.
    reopen: Option<Reopen>,
    failed: Failed,
}

impl SpareNetwork {
    /// Opens `file`. When it fails in a run, it is opened again on the processor, `failed` is told, and the run is repeated.
    ///
    /// # Errors
    /// Those of [`open`].
    pub fn open(file: &NetworkFile, how: &Opening<'_>, failed: Failed) -> Result<Box<dyn Network>> {
        let network = open(file, how)?;
        if how.provider.device == Device::Cpu {
            return Ok(network);
        }
        let (file, threads, runtime): (_, _, Runtime) = (file.clone(), how.threads, how.runtime.clone());
        let reopen: Reopen = Box::new(move || {
            let provider = Provider::processor("the other device failed");
            open(&file, &Opening { runtime: &runtime, provider: &provider, threads, tile_above: None })
        });
        Ok(Box::new(Self { network, reopen: Some(reopen), failed }))
    }
}

impl Network for SpareNetwork {
    fn style_count(&self) -> usize {
        self.network.style_count()
    }

    fn takes_grain(&self) -> bool {
        self.network.takes_grain()
    }

    fn run(&mut self, image: Image<'_>, weights: &[f32], grain: &Grain, out: &mut [u8]) -> Result<()> {
        let Err(error) = self.network.run(image, weights, grain, out) else { return Ok(()) };
        let Some(mut reopen) = self.reopen.take() else { return Err(error) };
        (self.failed)(&error);
        self.network = reopen()?;
        self.network.run(image, weights, grain, out)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::kernel::grain::Field;
    use crate::network::Identity;
    use crate::size::Size;

    /// Paints `left` pictures and fails from then on.
    struct Failing {
        left: usize,
    }

    impl Network for Failing {
        fn style_count(&self) -> usize {
            1
        }

        fn run(&mut self, image: Image<'_>, _: &[f32], _: &Grain, out: &mut [u8]) -> Result<()> {
            self.left = self.left.checked_sub(1).ok_or_else(|| Error::failed("the graphics card was lost"))?;
            out.copy_from_slice(image.pixels);
            Ok(())
        }
    }

    #[test]
    fn a_device_that_fails_is_replaced_once_and_no_picture_is_missing() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let told_here = Arc::clone(&told);
        let mut network = SpareNetwork {
            network: Box::new(Failing { left: 2 }),
            reopen: Some(Box::new(|| Ok(Box::new(Identity)))),
            failed: Arc::new(move |error| told_here.lock().unwrap().push(error.to_string())),
        };
        let grain = Grain::still(Arc::new(Field::new(0)), Size::new(1, 1));
        for value in 0..5 {
            let mut out = [9; 3];
            network.run(Image { width: 1, height: 1, pixels: &[value; 3] }, &[1.0], &grain, &mut out).unwrap();
            assert_eq!(out, [value; 3]);
        }
        assert_eq!(*told.lock().unwrap(), ["the graphics card was lost"]);
    }

    #[test]
    fn if_the_processor_fails_too_the_error_is_reported() {
        let mut network = SpareNetwork {
            network: Box::new(Failing { left: 0 }),
            reopen: Some(Box::new(|| Ok(Box::new(Failing { left: 1 })))),
            failed: Arc::new(|_| ()),
        };
        let grain = Grain::still(Arc::new(Field::new(0)), Size::new(1, 1));
        let image = Image { width: 1, height: 1, pixels: &[1; 3] };
        assert!(network.run(image, &[1.0], &grain, &mut [0; 3]).is_ok());
        assert!(network.run(image, &[1.0], &grain, &mut [0; 3]).is_err());
    }
}
