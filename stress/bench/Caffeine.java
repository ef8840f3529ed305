// SPDX-License-Identifier: MIT
import com.github.benmanes.caffeine.cache.Cache;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;

/**
 * Caffeine, measured as the subjects in C are: subject_caffeine.c starts it,
 * hands it the keys, and tells it when to run.
 *
 * Standard input has commands of 16 bytes: what, an integer, and a long. Each
 * is answered by a line: see the cases in main().
 *
 * The key is an object made for each lookup, as a request brings one: two
 * longs, which is the cheapest to hash and to compare that 16 bytes can be.
 */
public final class Caffeine {
    private static final int FILL = 1;
    private static final int DRAW = 2;
    private static final int RUN = 3;
    private static final int RUN_DEPENDENT = 4;
    private static final int KEY_LONGS = 2;
    private static final int VALUE_BYTES = 32;
    private static final int MOST_THREADS = 2;
    private static final int BLOCK = 1024;
    private static final int WARM_SHARE = 8;

    private static final class Key {
        private final long first;
        private final long second;

        Key(long first, long second) {
            this.first = first;
            this.second = second;
        }

        @Override
        public int hashCode() {
            long mixed = (first ^ Long.rotateLeft(second, 32))
                * 0x9e3779b97f4a7c15L;
            return (int) (mixed >>> 32);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Key && ((Key) other).first == first
                && ((Key) other).second == second;
        }
    }

    /** A thread that stays, and looks up when it is told to. */
    private static final class Reader extends Thread {
        private final CyclicBarrier start = new CyclicBarrier(2);
        private final CyclicBarrier end = new CyclicBarrier(2);
        private final ThreadMXBean threads =
            ManagementFactory.getThreadMXBean();
        private long[] drawn;
        private int position;
        private long runNs;
        private boolean isDependent;
        private CyclicBarrier together;
        private double nsPerHit;
        private double hitsPerSecond;
        private boolean hasMissed;

        Reader(int number) {
            super("reader-" + number);
            setDaemon(true);
        }

        @Override
        public void run() {
            try {
                for (;;) {
                    start.await();
                    measure();
                    end.await();
                }
            } catch (InterruptedException | BrokenBarrierException e) {
                throw new IllegalStateException(e);
            }
        }

        private void measure()
                throws InterruptedException, BrokenBarrierException {
            hasMissed = false;
            position = 0;
            together.await();
            runUntil(System.nanoTime() + runNs / WARM_SHARE);
            together.await();
            long begin = System.nanoTime();
            long threadBegin = threads.getCurrentThreadCpuTime();
            double count = runUntil(begin + runNs);
            nsPerHit =
                (threads.getCurrentThreadCpuTime() - threadBegin) / count;
            hitsPerSecond = count * 1e9 / (System.nanoTime() - begin);
        }

        private long runUntil(long end) {
            long count = 0;
            long sum = 0;

            do {
                sum += isDependent ? lookUpDependent(drawn, position)
                    : lookUpIndependent(drawn, position);
                position = (position + BLOCK * KEY_LONGS) & (drawn.length - 1);
                count += BLOCK;
            } while (System.nanoTime() - end < 0);
            hasMissed |= sum != count;
            return count;
        }
    }

    private static final Reader[] readers = new Reader[MOST_THREADS];
    private static Cache<Key, byte[]> cache;

    private Caffeine() {
    }

    private static int hit(long[] drawn, int at) {
        byte[] value = cache.getIfPresent(new Key(drawn[at], drawn[at + 1]));

        return value != null ? value[0] : 0;
    }

    private static int lookUpIndependent(long[] drawn, int position) {
        int sum = 0;

        for (int i = 0; i < BLOCK; i++) {
            sum += hit(drawn, position + i * KEY_LONGS);
        }
        return sum;
    }

    /** What the last one found says where the next key is. */
    private static int lookUpDependent(long[] drawn, int position) {
        int sum = 0;
        int found = 1;

        for (int i = 0; i < BLOCK && found != 0; i += found) {
            found = hit(drawn, position + i * KEY_LONGS);
            sum += found;
        }
        return sum;
    }

    private static long usedBytes() {
        Runtime runtime = Runtime.getRuntime();
        long least = Long.MAX_VALUE;

        for (int i = 0; i < 4; i++) {
            System.gc();
            least = Math.min(least,
                             runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }

    private static long[] readKeys(DataInputStream in, int count)
            throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count * KEY_LONGS * Long.BYTES)
            .order(ByteOrder.nativeOrder());
        long[] keys = new long[count * KEY_LONGS];

        in.readFully(bytes.array());
        bytes.asLongBuffer().get(keys);
        return keys;
    }

    private static long fill(long[] keys) {
        long before = usedBytes();
        int count = keys.length / KEY_LONGS;

        cache = com.github.benmanes.caffeine.cache.Caffeine.newBuilder()
            .maximumSize(count).initialCapacity(count).build();
        for (int i = 0; i < keys.length; i += KEY_LONGS) {
            byte[] value = new byte[VALUE_BYTES];

            value[0] = 1;
            cache.put(new Key(keys[i], keys[i + 1]), value);
        }
        cache.cleanUp();
        return usedBytes() - before;
    }

    private static String run(int threadCount, long runNs, boolean isDependent)
            throws InterruptedException, BrokenBarrierException {
        CyclicBarrier together = new CyclicBarrier(threadCount);
        double nsPerHit = 0;
        double hitsPerSecond = 0;
        boolean hasMissed = false;

        for (int i = 0; i < threadCount; i++) {
            readers[i].together = together;
            readers[i].runNs = runNs;
            readers[i].isDependent = isDependent;
            readers[i].start.await();
        }
        for (int i = 0; i < threadCount; i++) {
            readers[i].end.await();
            nsPerHit += readers[i].nsPerHit / threadCount;
            hitsPerSecond += readers[i].hitsPerSecond;
            hasMissed |= readers[i].hasMissed;
        }
        return nsPerHit + " " + hitsPerSecond + " " + (hasMissed ? 1 : 0);
    }

    public static void main(String[] arguments) throws Exception {
        DataInputStream in = new DataInputStream(System.in);
        ByteBuffer command = ByteBuffer.allocate(16)
            .order(ByteOrder.nativeOrder());

        for (int i = 0; i < MOST_THREADS; i++) {
            readers[i] = new Reader(i);
            readers[i].start();
        }
        for (;;) {
            try {
                in.readFully(command.array());
            } catch (EOFException e) {
                return;
            }
            int count = command.getInt(4);
            long number = command.getLong(8);
            switch (command.getInt(0)) {
            case FILL: // count keys follow; answered by bytes taken
                System.out.println(fill(readKeys(in, count)));
                break;
            case DRAW: // count keys follow, for the thread of that number
                readers[(int) number].drawn = readKeys(in, count);
                System.out.println("0");
                break;
            case RUN: // so many threads, nanoseconds; answered by figures
            case RUN_DEPENDENT:
                System.out.println(run(count, number,
                    command.getInt(0) == RUN_DEPENDENT));
                break;
            default:
                throw new IOException("no such command");
            }
        }
    }
}
