<?php

declare(strict_types=1);

namespace Fast\Tests;

use Fast\Announcement;
use Fast\Client;
use Fast\InvalidException;
use Fast\Json;
use Fast\StateException;

return [
    'a call returns its values' => static function (): void {
        $values = (new Client(CalcServer::shared()->target))->call('add', [2, 3]);
        same(1, count($values));
        same([5, 'rust'], [$values[0]->sum, $values[0]->server]);
    },

    'with assoc objects are arrays' => static function (): void {
        $client = new Client(CalcServer::shared()->target, assoc: true);
        same([['value' => ['a' => ['b' => []]]]], $client->call('echo', [['a' => ['b' => new \stdClass()]]]));
        same([['value' => ['c' => 1]]], iterator_to_array($client->stream('echo', [['c' => 1]])));
    },

    'values arrive as they were sent' => static function (): void {
        $sent = ['', "ü €\u{1F600}\u{2028}\n\0/\"", 0, -1, PHP_INT_MAX, PHP_INT_MIN, 1.0, 0.1, 1e300, true, false, [], [[1], [null]]];
        $got = array_map(static fn (object $answer): mixed => $answer->value, (new Client(CalcServer::shared()->target))->call('echo', $sent));
        same($sent, $got);
    },

    'large values arrive whole' => static function (): void {
        $text = str_repeat('0123456789abcdef', 1 << 16);
        $client = new Client(CalcServer::shared()->target);
        same($text, $client->call('echo', [$text])[0]->value);
    },

    'deep values arrive whole' => static function (): void {
        // What the server of these tests takes is less.
        $nested = static function (int $depth): array {
            for ($value = []; $depth > 1; $depth--) {
                $value = [$value];
            }

            return $value;
        };
        same($nested(100), (new Client(CalcServer::shared()->target))->call('echo', [$nested(100)])[0]->value);
        check(Json::decode(Json::encode($nested(2000), 'it'), false) === $nested(2000), 'the same nesting');
    },

    'a method without values returns none' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        same([], $client->call('echo'));
        same([], $client->call('range', [0]));
        same([], iterator_to_array($client->stream('echo')));
    },

    'a buffered call keeps the first values and counts all' => static function (): void {
        $client = new Client(CalcServer::shared()->target, assoc: true);
        $buffered = $client->callBuffered('range', [5], 2);
        same([[['value' => 0], ['value' => 1]], 5, null], [$buffered->values, $buffered->count, $buffered->error]);
        $buffered = $client->callBuffered('range', [3]);
        same([3, 3], [count($buffered->values), $buffered->count]);
        same([[], 3], [$client->callBuffered('range', [3], 0)->values, $client->callBuffered('range', [3], 0)->count]);
        $failed = $client->callBuffered('fail', [], 2);
        same([[], 0, 'CalcError'], [$failed->values, $failed->count, $failed->error->remoteName]);
        same('FAST_E_INVALID', $client->callBuffered('range', 7)->error->fastCode);
        contains('maxValues', thrown(InvalidException::class, static fn () => $client->callBuffered('range', [3], -1))->getMessage());
    },

    'a stream gives the values in order' => static function (): void {
        $wanted = 0;
        foreach ((new Client(CalcServer::shared()->target))->stream('range', [10_000]) as $key => $value) {
            same([$wanted, $wanted], [$key, $value->value]);
            $wanted++;
        }
        same(10_000, $wanted);
    },

    'a stream may take longer than one wait for a value' => static function (): void {
        same(250, iterator_to_array((new Client(CalcServer::shared()->target))->stream('slow', [250]))[0]->slept);
    },

    'leaving a stream abandons its call and leaves the client usable' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        for ($i = 0; $i < 50; $i++) {
            $stream = $client->stream('range', [1_000_000_000]);
            foreach ($stream as $value) {
                if ($value->value === 3) {
                    break;
                }
            }
            // The variable still has the stream, but the call is gone.
            same(0, $client->stats()['in_flight']);
            same(5, $client->call('add', [2, 3])[0]->sum);
        }
    },

    'a stream that is dropped unread or half read is abandoned' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        $unread = $client->stream('range', [1_000_000_000]);
        same(1, $client->stats()['in_flight']);
        unset($unread);
        same(0, $client->stats()['in_flight']);
        $half = $client->stream('range', [1_000_000_000])->getIterator();
        same(0, $half->current()->value);
        same(1, $client->stats()['in_flight']);
        unset($half);
        same(0, $client->stats()['in_flight']);
    },

    'an exception in the loop abandons the stream' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        $stream = $client->stream('range', [1_000_000_000]);
        try {
            foreach ($stream as $value) {
                throw new \DomainException('of the program');
            }
        } catch (\DomainException) {
        }
        same(0, $client->stats()['in_flight']);
    },

    'a stream is read once' => static function (): void {
        $stream = (new Client(CalcServer::shared()->target))->stream('range', [3]);
        same(3, count(iterator_to_array($stream)));
        same('FAST_E_STATE', thrown(StateException::class, static fn () => $stream->getIterator())->fastCode);
    },

    'streams of one client do not mix' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        $iterators = array_map(static fn (int $n) => $client->stream('range', [$n])->getIterator(), [100, 200, 300]);
        $sums = [0, 0, 0];
        while (array_filter($iterators, static fn (\Generator $iterator) => $iterator->valid()) !== []) {
            foreach ($iterators as $i => $iterator) {
                if ($iterator->valid()) {
                    $sums[$i] += $iterator->current()->value;
                    $iterator->next();
                }
            }
        }
        same([4950, 19900, 44850], $sums);
    },

    'a stream outlives its client' => static function (): void {
        $stream = (new Client(CalcServer::shared()->target))->stream('range', [1000]);
        same(1000, count(iterator_to_array($stream)));
    },

    'ready, stats and close' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        $client->ready(10_000);
        $stats = $client->stats();
        same([CalcServer::shared()->target, 0], [$stats['target'], $stats['in_flight']]);
        same(CalcServer::shared()->address, $stats['endpoints'][0]['address']);
        $client->close();
        $client->close(10);
    },

    'kang and metrics show what was called' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        $client->call('add', [2, 3]);
        same(1, count($client->kang()['fastclient']));
        same(1, preg_match('/^rpc_client_call_duration_seconds_count\\{[^}]*rpc_method="add"[^}]*\\} \\d+$/m', Client::metricsText()));
    },

    'a pick names an endpoint and is reported once' => static function (): void {
        $pick = (new Client(CalcServer::shared()->target))->pick();
        same(CalcServer::shared()->address, $pick->endpoint);
        $pick->report(1500, true);
        same('FAST_E_STATE', thrown(StateException::class, static fn () => $pick->report(1))->fastCode);
    },

    'an announcement is found until it is withdrawn' => static function (): void {
        $target = 'dir://' . folder() . '/db';
        $announcement = new Announcement(['announce' => $target, 'advertise' => '127.0.0.1:5432', 'weight' => 7]);
        same('registered', $announcement->state());
        $client = new Client($target);
        same('127.0.0.1:5432', $client->pick()->endpoint);
        same(7, $client->stats()['endpoints'][0]['weight']);
        $announcement->setWeight(9);
        eventually(static fn () => $client->stats()['endpoints'][0]['weight'] === 9, 'the client hears of the weight');
        foreach ([-1, 1_000_001] as $wrong) {
            contains((string) $wrong, thrown(InvalidException::class, static fn () => $announcement->setWeight($wrong))->getMessage());
        }
        $announcement->setMetadata('version=2,shard=7');
        eventually(
            static fn () => $client->stats()['endpoints'][0]['metadata'] === ['shard' => '7', 'version' => '2'],
            'the client hears of the metadata',
        );
        foreach (['version' => 'option "metadata": "version" has no =', "a=\0" => 'NUL', str_repeat('a', 4096) . '=' => 'shorten'] as $wrong => $why) {
            contains($why, thrown(InvalidException::class, static fn () => $announcement->setMetadata($wrong))->getMessage());
        }
        $announcement->withdraw();
        $announcement->withdraw();
        same('closed', $announcement->state());
        same('FAST_E_STATE', thrown(StateException::class, static fn () => $announcement->setWeight(7))->fastCode);
        contains('announce', thrown(InvalidException::class, static fn () => new Announcement([]))->getMessage());
    },

    'ten thousand calls leave no memory behind' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        $round = static function () use ($client): void {
            for ($i = 0; $i < 5000; $i++) {
                $client->call('add', [$i, 1], ['timeout_ms' => 5000 + $i % 2]);
            }
            for ($i = 0; $i < 100; $i++) {
                foreach ($client->stream('range', [10]) as $value) {
                    if ($i % 2 === 0) {
                        break;
                    }
                }
                try {
                    $client->call('fail');
                } catch (\Fast\RemoteException) {
                }
            }
            gc_collect_cycles();
        };
        $round();
        [$php, $all] = [memory_get_usage(), resident_kib()];
        $round();
        check(memory_get_usage() - $php < 10_000, 'memory of PHP: ' . (memory_get_usage() - $php));
        // What the library holds is not in memory_get_usage().
        check(resident_kib() - $all < 2048, 'resident memory in KiB: ' . (resident_kib() - $all));
    },
];

function resident_kib(): int
{
    preg_match('/VmRSS:\s+(\d+) kB/', file_get_contents('/proc/self/status'), $match);

    return (int) $match[1];
}
