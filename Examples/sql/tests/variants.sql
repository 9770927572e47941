-- Queries over the Star Schema Benchmark's tables that it does not have: other keys, orders and constants, queries inside queries.
select d_yearmonth, p_brand1, sum(lo_revenue) r, count(distinct lo_custkey) c from lineorder, date, part where lo_orderdate =
d_datekey and lo_partkey = p_partkey and p_category = 'MFGR#24' and d_year in (1993, 1997) group by d_yearmonth, p_brand1 order by
r desc, 1, 2 limit 20;
select s_city, d_year, sum(lo_extendedprice * lo_discount) from lineorder join supplier on lo_suppkey = s_suppkey join date on
lo_orderdate = d_datekey where s_nation = 'CHINA' and d_weeknuminyear between 3 and 9 group by s_city, d_year having
sum(lo_quantity) > 100 order by s_city desc, d_year;
select c_region, count(*) from customer where c_custkey not in (select lo_custkey from lineorder where lo_quantity > 45) group by
c_region order by 2 desc, 1;
select d_year, max(t) from (select d_year, d_month, sum(lo_revenue) t from lineorder, date where lo_orderdate = d_datekey group by
d_year, d_month) x group by d_year order by d_year desc;
select p_mfgr, avg(lo_supplycost), min(lo_tax), max(lo_tax) from lineorder left join part on lo_partkey = p_partkey and p_size <
10 group by p_mfgr order by p_mfgr nulls first;
select s_name, (select count(*) from lineorder where lo_suppkey = s_suppkey and lo_quantity = 50) n from supplier where s_region =
'ASIA' order by n desc, s_name;
with y as (select d_year, sum(lo_revenue) r from lineorder, date where lo_orderdate = d_datekey group by d_year) select a.d_year,
a.r - b.r from y a, y b where a.d_year = b.d_year + 1 order by 1;
select lo_shipmode, sum(case when lo_orderpriority like '1%' then lo_revenue else 0 end) * 100.0 / sum(lo_revenue) from lineorder
group by lo_shipmode order by lo_shipmode;
select distinct c_nation from customer, lineorder where c_custkey = lo_custkey and lo_extendedprice > (select
max(lo_extendedprice) * 0.99 from lineorder) order by 1;
select d_dayofweek, count(distinct lo_orderkey), count(*) from lineorder, date where lo_commitdate = d_datekey and d_year = 1995
group by d_dayofweek order by 2;
select d1.d_year, d2.d_year, count(*) from lineorder, date d1, date d2 where lo_orderdate = d1.d_datekey and lo_commitdate =
d2.d_datekey and d1.d_year <> d2.d_year group by 1, 2 order by 1, 2;
select lo_orderkey, lo_linenumber, lo_revenue from lineorder where lo_discount = 0 and lo_tax = 8 order by lo_revenue desc,
lo_orderkey, lo_linenumber limit 7 offset 3;
select p_color, count(*) from part where exists (select 1 from lineorder, date where lo_partkey = p_partkey and lo_orderdate =
d_datekey and d_year = 1994 and lo_quantity > p_size) group by p_color having count(*) >= 3 order by p_color;
select s_nation, c_nation, sum(lo_revenue - lo_supplycost) p from lineorder, supplier, customer where lo_suppkey = s_suppkey and
lo_custkey = c_custkey and s_nation = c_nation group by s_nation, c_nation order by p desc;
select c_mktsegment, avg(n) from (select c_custkey, c_mktsegment, count(lo_orderkey) n from customer left join lineorder on
c_custkey = lo_custkey group by c_custkey, c_mktsegment) q group by c_mktsegment order by 1;
select lo_orderpriority, count(*) from lineorder l where lo_revenue > (select avg(lo_revenue) from lineorder i where i.lo_suppkey
= l.lo_suppkey) group by 1 order by 1;
select count(*) from lineorder where lo_custkey in (select c_custkey from customer where c_city in (select s_city from supplier
where s_region = 'AMERICA'));
