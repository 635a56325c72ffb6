//! Loops with wider vectors than every processor has.

/// Defines a function without a result that is compiled twice, for every processor and for those with AVX2; the processor
/// decides which one runs. Both compute the same: vectors change no rounding.
macro_rules! wide {
    ($(#[$about:meta])* $visible:vis fn $name:ident($($arg:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$about])*
        $visible fn $name($($arg: $kind),*) {
            #[inline(always)]
            fn narrow($($arg: $kind),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $kind),*) {
                    narrow($($arg),*);
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has it.
                    return unsafe { wide($($arg),*) };
                }
            }
            narrow($($arg),*);
        }
    };
}

pub(crate) use wide;

#[cfg(test)]
mod tests {
    wide! {
        fn halve_apart(out: &mut [i16], a: &[u8], b: &[i16]) {
            for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *out = (i16::from(a) - b) >> 1;
            }
        }
    }

    #[test]
    fn any_length_gives_what_one_value_at_a_time_gives() {
        for length in 0..200usize {
            let a: Vec<u8> = (0..length).map(|at| (at * 7919 % 256) as u8).collect();
            let b: Vec<i16> = (0..length).map(|at| (at * 104_729 % 20_000) as i16 - 10_000).collect();
            let mut out = vec![0; length];
            halve_apart(&mut out, &a, &b);
            let expected: Vec<i16> = a.iter().zip(&b).map(|(&a, &b)| (i16::from(a) - b) >> 1).collect();
            assert_eq!(out, expected);
        }
    }
}
