package dev.starling.node.core;

import dev.starling.scheduler.Effect;
import dev.starling.scheduler.model.Time;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** Carries out what the scheduler wants: its bids go into this node's record, its wishes for containers outside. */
final class ScheduledChanges {
    private final OwnRecordWriter own;
    private final HybridClock clock;
    private final Consumer<NodeEffect> effects;
    private final BiConsumer<Effect.AmendService, Time> amend;

    /** @param amend writes what a service's update or load asks for into its document */
    ScheduledChanges(OwnRecordWriter own, HybridClock clock, Consumer<NodeEffect> effects, BiConsumer<Effect.AmendService, Time> amend) {
        this.own = own;
        this.clock = clock;
        this.effects = effects;
        this.amend = amend;
    }

    void apply(List<Effect> wanted, Time now) {
        Handler handler = new Handler(now);
        wanted.forEach(effect -> effect.handle(handler));
    }

    private final class Handler implements Effect.Handler {
        private final Time now;

        Handler(Time now) {
            this.now = now;
        }

        @Override
        public void on(Effect.PutTask put) {
            clock.observe(put.task().claimed());
            own.put(RecordKeys.task(put.task().id()), RecordCodec.encode(put.task()), now);
        }

        @Override
        public void on(Effect.DropTask drop) {
            own.remove(RecordKeys.task(drop.task().id()), now);
            effects.accept(new NodeEffect.RemoveTask(drop.task()));
        }

        @Override
        public void on(Effect.PutRefusal put) {
            own.put(RecordKeys.refusal(put.refusal().slot()), RecordCodec.encode(put.refusal()), now);
        }

        @Override
        public void on(Effect.DropRefusal drop) {
            own.remove(RecordKeys.refusal(drop.slot()), now);
        }

        @Override
        public void on(Effect.PutBlocks put) {
            String key = RecordKeys.blocks(put.networkUid());
            if (put.blocks().isEmpty()) {
                own.remove(key, now);
            } else {
                own.put(key, RecordCodec.encode(put.blocks()), now);
            }
        }

        @Override
        public void on(Effect.PutCompleted put) {
            own.put(RecordKeys.completed(put.work().serviceUid()), RecordCodec.encode(put.work()), now);
        }

        @Override
        public void on(Effect.DropCompleted drop) {
            own.remove(RecordKeys.completed(drop.serviceUid()), now);
        }

        @Override
        public void on(Effect.AmendService wanted) {
            amend.accept(wanted, now);
        }

        @Override
        public void on(Effect.Start start) {
            effects.accept(new NodeEffect.StartTask(start.task()));
        }

        @Override
        public void on(Effect.Stop stop) {
            effects.accept(new NodeEffect.StopTask(stop.task(), stop.reason()));
        }
    }
}
