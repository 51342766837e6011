package dev.starling.netlink.nft;

/**
 * The instructions of a rule: they load registers, compare them (a comparison that fails ends the rule), and say what happens to the packet. What
 * {@code nft --debug=netlink} prints. {@link ExpressionCodec} has their layouts.
 */
public sealed interface Expression {
    /** Registers of 16 bytes; 0 holds the verdict. */
    int REGISTER_1 = 1;
    int REGISTER_2 = 2;
    /** The second four bytes of {@link #REGISTER_1}: keys of several parts take four bytes or a multiple for each ({@code NFT_REG32_01}). */
    int REGISTER_1_SECOND_WORD = 9;
    /** As the target of a lookup: nothing is read, a packet whose key is not there leaves the rule. */
    int NO_REGISTER = -1;
    /** As the target of a lookup: what is found is what happens next. */
    int VERDICT_REGISTER = 0;

    /** {@code [ meta load KEY => reg ]} */
    record Meta(MetaKey key, int register) implements Expression {}

    /** {@code [ payload load LENGTHb @ BASE + OFFSET => reg ]} */
    record Payload(PayloadBase base, int offset, int length, int register) implements Expression {}

    /** {@code [ ct load KEY => reg ]} */
    record Conntrack(ConntrackKey key, int register) implements Expression {}

    /** {@code [ fib FLAGS addrtype => reg ]}: what kind of address the packet's destination is. */
    record DestinationType(boolean onInputDevice, int register) implements Expression {}

    /** {@code [ numgen reg = random mod MODULUS ]} */
    record RandomNumber(int modulus, int register) implements Expression {}

    /** {@code [ hash reg = jhash(SOURCE, LENGTH, SEED) % MODULUS ]}: the same on each host, as long as the seed is. */
    record Hash(int source, int length, int seed, int modulus, int register) implements Expression {}

    /** {@code [ lookup reg SOURCE set NAME dreg TARGET ]}; a key that is not there ends the rule. */
    record Lookup(String set, int source, int target) implements Expression {}

    /** {@code [ bitwise reg = (reg & MASK) ^ 0 ]} */
    record Mask(int register, Data mask) implements Expression {}

    /** {@code [ cmp eq|neq reg DATA ]} */
    record Compare(int register, boolean equal, Data data) implements Expression {}

    /** {@code [ immediate reg DATA ]} */
    record Immediate(int register, Data data) implements Expression {}

    /** {@code [ immediate reg 0 accept | drop | jump CHAIN ... ]}; {@code chain} is empty where the verdict needs none. */
    record Decide(Verdict verdict, String chain) implements Expression {}

    /** {@code [ nat snat|dnat ip|ip6 addr_min reg proto_min reg ]}; {@code portRegister} 0: the port stays. */
    record Nat(Family family, boolean destination, int addressRegister, int portRegister) implements Expression {}

    /** {@code [ masq ]} */
    record Masquerade() implements Expression {}

    /** {@code [ notrack ]} */
    record Untracked() implements Expression {}

    /** One that this module does not write: somebody else's hand in our table. */
    record Foreign(String name) implements Expression {}

    /** {@code enum nft_meta_keys} */
    enum MetaKey {
        INPUT_NAME(6), OUTPUT_NAME(7), PROTOCOL(16);

        final int number;

        MetaKey(int number) {
            this.number = number;
        }
    }

    /** {@code enum nft_payload_bases} */
    enum PayloadBase {
        NETWORK(1), TRANSPORT(2);

        final int number;

        PayloadBase(int number) {
            this.number = number;
        }
    }

    /** {@code enum nft_ct_keys} */
    enum ConntrackKey {
        STATE(0), STATUS(2);

        final int number;

        ConntrackKey(int number) {
            this.number = number;
        }
    }

    /** {@code NF_...} and {@code enum nft_verdicts} */
    enum Verdict {
        DROP(0), ACCEPT(1), JUMP(-3), GOTO(-4), RETURN(-5);

        final int number;

        Verdict(int number) {
            this.number = number;
        }
    }
}
