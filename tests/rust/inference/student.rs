use ptpd_monitoring::stats::inference::upper_quantile;

use super::close;

const TAILS: [f64; 5] = [0.4, 0.05, 0.025, 0.0005, 1e-9];

/// Degrees of freedom, and `scipy.stats.t.isf` of `TAILS`.
const TABLE: [(f64, [f64; 5]); 6] = [
    (
        1.0,
        [
            0.324_919_696_232_906_34,
            6.313_751_514_675_044,
            12.706_204_736_174_705,
            636.619_248_768_719_6,
            318_309_886.183_790_7,
        ],
    ),
    (
        1.5,
        [
            0.300_745_392_569_795_43,
            3.705_180_820_096_751_8,
            6.016_663_104_427_933,
            82.847_446_703_657_61,
            521_946.942_733_437_23,
        ],
    ),
    (
        7.3,
        [
            0.262_756_805_250_719_1,
            1.882_930_017_956_431_4,
            2.345_066_736_547_703_4,
            5.283_211_758_939_399,
            35.283_550_092_353_35,
        ],
    ),
    (
        999.9,
        [
            0.253_414_522_582_509_96,
            1.646_378_969_961_997,
            1.962_339_318_642_608_8,
            3.300_283_626_737_66,
            6.053_695_905_532_5,
        ],
    ),
    (
        1_000.1,
        [
            0.253_414_509_097_836_14,
            1.646_378_664_639_493,
            1.962_338_843_057_823_5,
            3.300_281_670_306_334_5,
            6.053_684_639_762_708,
        ],
    ),
    (
        1e9,
        [
            0.253_347_103_203_201_53,
            1.644_853_628_475_242,
            1.959_963_986_912_325_3,
            3.290_526_741_221_625_7,
            5.997_807_070_447_95,
        ],
    ),
];

#[test]
fn quantiles_are_scipys_for_few_degrees_of_freedom_and_for_many() {
    for (freedom, expected) in TABLE {
        for (tail, expected) in TAILS.into_iter().zip(expected) {
            let found = upper_quantile(tail, freedom);
            assert!(
                close(found, expected, 1e-11),
                "{tail} of {freedom}: {found}"
            );
        }
    }
}

#[test]
fn the_ends_are_the_middle_and_infinity() {
    for freedom in [1.0, 5.0, 1e6] {
        assert_eq!(upper_quantile(0.5, freedom), 0.0);
        assert_eq!(upper_quantile(0.0, freedom), f64::INFINITY);
        assert!(upper_quantile(5e-17, freedom).is_finite());
    }
}
