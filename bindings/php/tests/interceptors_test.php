<?php

declare(strict_types=1);

namespace Fast\Tests;

use Fast\Client;
use Fast\OutgoingCall;
use Fast\Outcome;
use Fast\RemoteException;
use Fast\TimeoutException;

return [
    'three interceptors see a call in order and its end in reverse' => static function (): void {
        $client = new Client(CalcServer::shared()->target, assoc: true);
        $lines = [];
        foreach (['first', 'second', 'third'] as $name) {
            $client->intercept(static function (OutgoingCall $call) use ($name, &$lines): void {
                $lines[] = "$name $call->method " . json_encode($call->args);
                $call->onEnd(static function (Outcome $end) use ($name, &$lines): void {
                    $lines[] = "$name ended: $end->values values, " . ($end->error?->getMessage() ?? 'ok');
                });
            });
        }
        same(5, $client->call('add', [2, 3])[0]['sum']);
        $began = ['first add [2,3]', 'second add [2,3]', 'third add [2,3]'];
        same([...$began, 'third ended: 1 values, ok', 'second ended: 1 values, ok', 'first ended: 1 values, ok'], $lines);
    },

    'an interceptor answers or fails a call, and nobody after it sees it' => static function (): void {
        // Nobody listens there.
        $client = new Client(deaf_address());
        $ends = [];
        $client->intercept(static function (OutgoingCall $call) use (&$ends): void {
            $call->onEnd(static function (Outcome $end) use ($call, &$ends): void {
                $ends[] = [$call->method, $end->values, $end->error?->getMessage(), $end->endpoint, $end->attempts];
            });
        })->intercept(static fn (OutgoingCall $call) => match ($call->method) {
            'two' => $call->answer(1, ['two' => 2]),
            'none' => $call->answer(null),
            default => throw new \DomainException('not today'),
        })->intercept(static fn () => throw new \LogicException('it went on'));
        same([1, ['two' => 2]], $client->call('two'));
        same([], $client->call('none'));
        same([1, ['two' => 2]], iterator_to_array($client->stream('two')));
        $buffered = $client->callBuffered('two', [], 1);
        same([[1], 2, null], [$buffered->values, $buffered->count, $buffered->error]);
        try {
            $client->call('other');
            check(false, 'it fails');
        } catch (\DomainException $error) {
            same('not today', $error->getMessage());
        }
        $two = ['two', 2, null, '', 0];
        same([$two, ['none', 0, null, '', 0], $two, $two, ['other', 0, 'not today', '', 0]], $ends);
    },

    'an interceptor may change arguments and options' => static function (): void {
        $client = new Client(CalcServer::shared()->target, assoc: true);
        $client->intercept(static function (OutgoingCall $call): void {
            same(CalcServer::shared()->target, $call->target);
            if ($call->method === 'add') {
                $call->args = [20, 22];
            } else {
                $call->options['timeout_ms'] = 1;
            }
        });
        same(42, $client->call('add', [1, 2])[0]['sum']);
        thrown(TimeoutException::class, static fn () => $client->call('slow', [60_000]));
    },

    'interceptors see each value, the error, and where it came from' => static function (): void {
        $client = new Client(CalcServer::shared()->target, assoc: true);
        [$seen, $ends] = [[], []];
        $client->intercept(static function (OutgoingCall $call) use (&$seen, &$ends): void {
            $call->onValue(static function (array $value) use (&$seen): void {
                $seen[] = $value['value'];
            });
            $call->onEnd(static function (Outcome $end) use (&$ends): void {
                $ends[] = $end;
            });
        });
        same(3, count(iterator_to_array($client->stream('range', [3]))));
        same([0, 1, 2], $seen);
        thrown(RemoteException::class, static fn () => $client->call('fail'));
        foreach ($client->stream('range', [3]) as $value) {
            same(0, $value['value']);
            break;
        }
        // One that nobody reads.
        $client->stream('range', [3]);
        $codes = array_map(static fn (Outcome $end): ?string => $end->error?->fastCode, $ends);
        same([null, 'FAST_E_REMOTE', 'FAST_E_ABANDONED', 'FAST_E_ABANDONED'], $codes);
        same([3, 0, 1, 0], array_map(static fn (Outcome $end): int => $end->values, $ends));
        foreach ($ends as $end) {
            same([1, $ends[0]->endpoint], [$end->attempts, $end->endpoint]);
            check($end->endpoint !== '' && $end->seconds > 0, 'it says where and how long');
        }
    },

    'an interceptor that throws beside a call does not fail it' => static function (): void {
        $client = new Client(CalcServer::shared()->target, assoc: true);
        $client->intercept(static fn (OutgoingCall $call) => $call->onValue(static fn () => throw new \LogicException('at a value')));
        $warnings = [];
        set_error_handler(static function (int $level, string $message) use (&$warnings): bool {
            $warnings[] = $message;

            return true;
        });
        try {
            same(5, $client->call('add', [2, 3])[0]['sum']);
        } finally {
            restore_error_handler();
        }
        same(['an interceptor failed beside a call: at a value'], $warnings);
    },
];
