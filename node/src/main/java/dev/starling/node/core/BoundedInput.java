package dev.starling.node.core;

import com.esotericsoftware.kryo.kryo5.KryoException;
import com.esotericsoftware.kryo.kryo5.io.Input;

/**
 * Kryo's input, for bytes of a peer that may lie. Kryo itself allocates as many characters as a string claims to have: six bytes could ask
 * for gigabytes, and a node that has run out of memory ends. Here a claim is first held against the bytes that are left.
 */
public final class BoundedInput extends Input {
    public BoundedInput(byte[] bytes) {
        super(bytes);
    }

    /** May be null, as Kryo writes null. @throws KryoException where the string claims more characters than there are bytes */
    @Override
    public String readString() {
        if (readVarIntFlag()) { // the form with a length; the other ends at its last character
            int start = position();
            long characters = readVarIntFlag(true) - 1L;
            if (characters > limit() - position()) {
                throw new KryoException("a string of " + characters + " characters where " + (limit() - position()) + " bytes are left");
            }
            setPosition(start);
        }
        return super.readString();
    }

    /** A string that must be there. */
    public String text() {
        String text = readString();
        if (text == null) {
            throw new KryoException("a string is missing");
        }
        return text;
    }
}
