//! The 128-bit names of states. Not for secrets: for telling a few million states apart, where the chance that two of them
//! share a name is less than one in 10^24.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The name of a state.
pub(super) type Fingerprint = u128;

/// States by their names.
pub(super) type ByFingerprint<T> = HashMap<Fingerprint, T, BuildHasherDefault<Folded>>;

/// Hashes the few texts of a plan, which nobody chooses to collide.
pub(super) type Cheap = BuildHasherDefault<Wide>;

/// A hash of two independent lanes of 64 bits, each a chain of folded multiplications.
#[derive(Clone, Debug)]
pub(super) struct Wide {
    lanes: [u64; 2],
}

/// Takes a fingerprint as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Folded(u64);

const SEEDS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F];
const FACTORS: [u64; 2] = [0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB];

impl Default for Wide {
    fn default() -> Wide {
        Wide { lanes: SEEDS }
    }
}

impl Wide {
    pub(super) fn new() -> Wide {
        Wide::default()
    }

    /// Returns all 128 bits.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let [low, high] = [0, 1].map(|lane| fold(self.lanes[lane] ^ SEEDS[1 - lane], FACTORS[1 - lane]));
        u128::from(high) << 64 | u128::from(low)
    }
}

/// Multiplies to 128 bits and folds the halves, so that every bit of the input reaches every bit of the result.
#[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits are taken on purpose")]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Hasher for Wide {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
        self.write_u64(bytes.len() as u64);
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    /// Takes two words with one multiplication a lane.
    #[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits are taken on purpose")]
    fn write_u128(&mut self, words: u128) {
        let (first, second) = ((words >> 64) as u64, words as u64);
        let [low, high] = self.lanes;
        self.lanes = [
            fold(low.rotate_left(23) ^ first, FACTORS[0] ^ second).wrapping_add(second.rotate_left(32) ^ first),
            fold(high.rotate_left(23) ^ second, FACTORS[1] ^ first).wrapping_add(first.rotate_left(32) ^ second),
        ];
    }

    fn write_u64(&mut self, word: u64) {
        let [low, high] = self.lanes;
        self.lanes = [
            fold(low.rotate_left(23) ^ word, FACTORS[0]).wrapping_add(word),
            fold(high.rotate_left(23) ^ word, FACTORS[1]).wrapping_add(word),
        ];
    }

    fn finish(&self) -> u64 {
        self.lanes[0]
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = u64::try_from(fingerprint >> 64).expect("half of 128 bits is 64 bits");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn inputs_that_differ_in_a_bit_or_in_order_get_names_that_differ_in_both_halves() {
        let name = |words: &[u64]| {
            let mut wide = Wide::new();
            for word in words {
                wide.write_u64(*word);
            }
            wide.fingerprint()
        };
        let mut inputs: Vec<Vec<u64>> = vec![vec![], vec![0], vec![0, 0], vec![1, 2], vec![2, 1]];
        for bit in 0..64 {
            inputs.extend([vec![1 << bit, 7], vec![7, 1 << bit], vec![7, 1 << bit, 0]]);
        }
        let low: HashSet<u128> = inputs.iter().map(|words| name(words) & u128::from(u64::MAX)).collect();
        let high: HashSet<u128> = inputs.iter().map(|words| name(words) >> 64).collect();
        assert_eq!((low.len(), high.len()), (inputs.len(), inputs.len()));
    }
}
