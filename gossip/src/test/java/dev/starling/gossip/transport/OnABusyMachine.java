package dev.starling.gossip.transport;

import org.junit.jupiter.api.function.Executable;

/**
 * For tests of real time that say "this is seen within half a second": they hold only where the machine lets this process run for that long. Where
 * others keep it busy, one such test in a few hundred is held up just then. A fault of ours is there each time, so one good try of three is enough.
 */
final class OnABusyMachine {
    private static final int TRIES = 3;

    private OnABusyMachine() {}

    static void oneOfThreeIsGood(Executable test) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                test.execute();
                return;
            } catch (AssertionError | Exception late) {
                if (attempt == TRIES) {
                    throw late;
                }
                System.out.println("not in time, tried again: " + late.getMessage());
            } catch (Throwable other) {
                throw new AssertionError(other);
            }
        }
    }
}
